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
    if io.noise_management == "none":
        return _within_bounds(w_OI, x_BI, io, generator)
    s_B1 = x_BI.abs().amax(dim=1, keepdim=True)
    if io.inp_noise:
        s_B1 = torch.where(s_B1 > 0, s_B1, 1.0)
    v_BI = x_BI / s_B1.clamp_min(torch.finfo(s_B1.dtype).tiny)
    return _within_bounds(w_OI, v_BI, io, generator).mul_(s_B1)


def _within_bounds(w_OI: Tensor, v_BI: Tensor, io: IO, generator: torch.Generator) -> Tensor:
    """Convert, and where outputs clip, again with the input reduced."""
    bound = io.out_bound
    clips = bound - 0.25 * (2 * bound / io.out_steps) if io.out_steps else bound
    y_BO = _convert(w_OI, v_BI, io, generator)
    if io.bound_management == "none":
        return y_BO.clamp_(-bound, bound)
    # One reduction over the mini-batch shows that nothing clips, which is the usual case.
    if not bool(y_BO.abs().max() > clips):
        return y_BO
    rows_R = (y_BO.abs().amax(dim=1) > clips).nonzero()[:, 0]
    factor = 1.0
    while len(rows_R) and not _exhausted(factor, io):
        factor *= 2
        y_RO = _convert(w_OI, v_BI[rows_R] / factor, io, generator)
        y_BO[rows_R] = y_RO.clamp(-bound, bound) * factor
        rows_R = rows_R[y_RO.abs().amax(dim=1) > clips]
    return y_BO


def _exhausted(factor: float, io: IO) -> bool:
    """Return whether bound management gives up and lets the output clip."""
    too_coarse = io.inp_steps > 0 and factor > MAX_BM_RES * io.inp_steps / (2 * io.inp_bound)
    return too_coarse or factor > MAX_BM_FACTOR


def _convert(w_OI: Tensor, v_BI: Tensor, io: IO, generator: torch.Generator) -> Tensor:
    """DAC, array and ADC without the ADC's bound."""
    if io.inp_steps:
        r_in = 2 * io.inp_bound / io.inp_steps
        v_BI = (v_BI / r_in).round_().mul_(r_in)
    v_BI = v_BI.clamp(-io.inp_bound, io.inp_bound)
    if io.inp_noise:
        v_BI += io.inp_noise * torch.randn(v_BI.shape, generator=generator, device=v_BI.device)
    if io.out_noise:
        shape = (len(v_BI), len(w_OI))
        y_BO = torch.randn(shape, generator=generator, device=v_BI.device).mul_(io.out_noise).addmm_(v_BI, w_OI.T)
    else:
        y_BO = v_BI @ w_OI.T
    if io.out_steps:
        r_out = 2 * io.out_bound / io.out_steps
        y_BO.div_(r_out).round_().mul_(r_out)
    return y_BO
