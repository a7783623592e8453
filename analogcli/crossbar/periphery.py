"""One analog matrix-vector product: DAC, array, ADC, and the digital management of their ranges.

::

    s = max|x|                       noise management abs-max (none: s = 1); an all-zero x gives 0
    v = clip(round(x/(s r)/r_in) r_in, ±inp_bound) + inp_noise ξ                    r_in  = 2 inp_bound/inp_steps
    y = clip(round((W v + out_noise ξ)/r_out) r_out, ±out_bound)                    r_out = 2 out_bound/out_steps
    result = y s r

r is 1; iterative bound management doubles it and repeats the whole product, with new noise, for every sample of which
an output clips, which the ADC's last code counts as. It stops once r > 1000, or once r > 0.25/r_in, when the DAC has
few steps left. An all-zero x with input noise is read with s = 1.

AIHWKit twin: ``IOParameters`` with its defaults ``max_bm_factor = 1000`` and ``max_bm_res = 0.25``. Noise is on in
inference too, as there. That the last code counts as clipped follows there from the rounding of 32-bit numbers: with
its default range and resolution, 255 steps are a little more than the bound.

Axes: B sample (or image patch), R samples that clip, O output of the product, I input of the product.
"""

import torch
from torch import Tensor

from analogcli.spec import IO

MAX_BM_FACTOR = 1000.0
"""Bound management stops above this reduction of the input."""
MAX_BM_RES = 0.25
"""Bound management stops when one DAC step, seen before the reduction, exceeds this [normalised input units]."""


def analog_matvec(w_OI: Tensor, x_BI: Tensor, io: IO, generator: torch.Generator) -> Tensor:
    """Return y [B, O] = W x as the periphery ``io`` sees it; noise comes from ``generator``, on the weights' device."""
    if io.perfect:
        return x_BI @ w_OI.T
    r_out = _step(io.out_bound, io.out_steps)
    if io.noise_management == "none":
        return _within_bounds(w_OI, x_BI, io, generator).mul_(r_out)
    s_B1 = x_BI.abs().amax(dim=1, keepdim=True)
    if io.inp_noise:
        s_B1 = torch.where(s_B1 > 0, s_B1, 1.0)
    v_BI = x_BI / s_B1.clamp_min(torch.finfo(s_B1.dtype).tiny)
    return _within_bounds(w_OI, v_BI, io, generator).mul_(s_B1 * r_out)


def _within_bounds(w_OI: Tensor, v_BI: Tensor, io: IO, generator: torch.Generator) -> Tensor:
    """Convert, and where outputs clip, again with the input reduced; returns ADC steps."""
    bound = io.out_bound / _step(io.out_bound, io.out_steps)
    y_BO = _convert(w_OI, v_BI, io, generator)
    if io.bound_management == "none":
        return y_BO.clamp_(-bound, bound)
    clips = bound - 0.25 if io.out_steps else bound
    # One number for the whole mini-batch shows that nothing clips, which is the usual case.
    if not bool(torch.linalg.vector_norm(y_BO, torch.inf) > clips):
        return y_BO
    rows_R = (y_BO.abs().amax(dim=1) > clips).nonzero()[:, 0]
    y_BO.clamp_(-bound, bound)
    factor = 1.0
    while len(rows_R) and not _exhausted(factor, io):
        factor *= 2
        y_RO = _convert(w_OI, v_BI[rows_R] / factor, io, generator)
        y_BO[rows_R] = y_RO.clamp(-bound, bound) * factor
        rows_R = rows_R[y_RO.abs().amax(dim=1) > clips]
    return y_BO


def _exhausted(factor: float, io: IO) -> bool:
    """Return whether bound management gives up and lets the output clip."""
    too_coarse = io.inp_steps > 0 and factor > MAX_BM_RES / _step(io.inp_bound, io.inp_steps)
    return too_coarse or factor > MAX_BM_FACTOR


def _convert(w_OI: Tensor, v_BI: Tensor, io: IO, generator: torch.Generator) -> Tensor:
    """DAC, array and ADC without the ADC's bound; returns ADC steps."""
    r_in, r_out = _step(io.inp_bound, io.inp_steps), _step(io.out_bound, io.out_steps)
    # Both converters count in steps, and one product changes the unit: this saves passes over v and y.
    codes_BI = v_BI / r_in
    if io.inp_steps:
        codes_BI.round_()
    codes_BI.clamp_(-io.inp_bound / r_in, io.inp_bound / r_in)
    if io.inp_noise:
        codes_BI += io.inp_noise / r_in * torch.randn(v_BI.shape, generator=generator, device=v_BI.device)
    if io.out_noise:
        xi_BO = torch.randn((len(v_BI), len(w_OI)), generator=generator, device=v_BI.device)
        y_BO = xi_BO.addmm_(codes_BI, w_OI.T, beta=io.out_noise / r_out, alpha=r_in / r_out)
    else:
        y_BO = (codes_BI @ w_OI.T).mul_(r_in / r_out)
    return y_BO.round_() if io.out_steps else y_BO


def _step(bound: float, steps: int) -> float:
    """Return the size of one converter step; a converter without steps counts in whole units."""
    return 2 * bound / steps if steps else 1.0
