"""One analog matrix-vector product: DAC, array, ADC, and the digital management of their ranges.

::

    s = max|x|                       noise management abs-max (none: s = 1); an all-zero x gives 0
    v = clip(round(x/(s r)/r_in) r_in, ±inp_bound) + inp_noise ξ                    r_in  = 2 inp_bound/inp_steps
    z = W v + w_noise ‖v‖ ξ + out_noise ξ
    y = clip(round(z/r_out) r_out, ±out_bound)                                      r_out = 2 out_bound/out_steps
    result = y s r

r is 1; iterative bound management doubles it and repeats the whole product, with new noise, for every sample of which
an output clips; for many ranges the ADC's last code counts as that. It stops once r > 1000, or once r > 0.25/r_in, when
the DAC has few steps left. An all-zero x with input noise is read with s = 1.

AIHWKit twin: ``IOParameters`` with its defaults ``max_bm_factor = 1000`` and ``max_bm_res = 0.25``. Noise is on in
inference too, as there. Whether the last code counts as clipped follows there from the rounding of 32-bit numbers: with
its default range and resolution, 255 steps are a little more than the bound; with a bound of 20 they are not.

On the CPU both converters are compiled loops; :func:`plain_matvec` says the same in tensor operations.

Axes: R replica, B sample (or image patch), O output of the product, I input of the product, N samples that clip.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analogcli.crossbar.kernels.converters import decode, encode
from analogcli.crossbar.kernels.lines import decode_lines, encode_lines
from analogcli.crossbar.kernels.small import read_small, read_small_back
from analogcli.crossbar.kernels.threads import share
from analogcli.crossbar.randomness import Keys, Randomness
from analogcli.spec import IO

FEW, SMALL = 16, 1_000_000
"""Samples of a model, and weights, up to which one compiled loop is faster than a BLAS with a loop on either side."""
MAX_BM_FACTOR = 1000.0
"""Bound management stops above this reduction of the input."""
MAX_BM_RES = 0.25
"""Bound management stops when one DAC step, seen before the reduction, exceeds this [normalised input units]."""


class AnalogRead:
    """Reads through one periphery; its numbers are worked out once, a small read takes only tens of microseconds."""

    def __init__(self, io: IO) -> None:
        self.io = io
        r_in, r_out = _step(io.inp_bound, io.inp_steps), _step(io.out_bound, io.out_steps)
        limit = _clipping_from(io) / r_out
        dac = (io.inp_steps > 0, r_in, io.inp_bound / r_in, io.inp_noise / r_in, io.w_noise)
        adc = (io.out_steps > 0, r_out, io.out_bound / r_out, limit, io.out_noise)
        self.form = np.array([io.noise_management == "abs-max", *dac, *adc], np.float32)
        """The numbers that compiled loops of a read take."""
        self._unmanaged_form = np.array([False, *dac, *adc], np.float32)

    def __call__(self, w_ROI: Tensor, x_RBI: Tensor, randomness: Randomness) -> Tensor:
        """Return y [R, B, O] = W x as the periphery sees it, on the weights' device."""
        if self.io.perfect:
            return torch.bmm(x_RBI, w_ROI.mT)
        if w_ROI.device.type != "cpu":
            return plain_matvec(w_ROI, x_RBI, self.io, randomness.generator)
        keys = randomness.keys(len(w_ROI))
        y_RBO, clipped = _read(w_ROI, x_RBI, self.form, keys)
        if clipped is not None and self.io.bound_management == "iterative":
            clipped_RB = clipped.reshape(y_RBO.shape[:2])
            for r in np.flatnonzero(clipped_RB.any(1)):
                self._reduce(y_RBO[r], w_ROI[r : r + 1], x_RBI[r], np.flatnonzero(clipped_RB[r]), keys[r], 0)
        return y_RBO

    def lines(
        self, w_OI: Tensor, x_IN: Tensor, key: np.uint64, first: int, total: int, again: Callable[[], None]
    ) -> Tensor:
        """Return y [O, N] of samples that lie side by side in memory, on the CPU; ``x_IN`` becomes their DAC codes.

        They are the samples from ``first`` on of ``total`` that share a ``key``: their noise depends on nothing else.
        ``again`` fills ``x_IN`` once more, for those that clip.
        """
        if self.io.perfect:
            return torch.mm(w_OI, x_IN)
        x, (scale, spread) = x_IN.numpy(), np.empty((2, x_IN.shape[1]), np.float32)
        clips = np.empty(x_IN.shape[1], np.uint32)
        encode_lines(x, scale, spread, key, first, total, self.form)
        y_ON = torch.mm(w_OI, x_IN)
        any_clips = decode_lines(y_ON.numpy(), scale, spread, clips, key, first, total, self.form)
        if any_clips and self.io.bound_management == "iterative":
            again()
            self._reduce(y_ON.T, w_OI[None], x_IN.T, np.flatnonzero(clips), key, first)
        return y_ON

    def _reduce(
        self, y_BO: Tensor, w_1OI: Tensor, x_BI: Tensor, rows: NDArray[np.intp], key: np.uint64, first: int
    ) -> None:
        """Read the samples ``rows`` again with smaller and smaller inputs until none clips; writes into ``y_BO``.

        Each has a key of its own, by its place from ``first`` on: what clips beside it does not matter.
        """
        factor = 1.0
        scale_B1 = x_BI.abs().amax(dim=1, keepdim=True)
        scale_B1 = torch.where(scale_B1 > 0, scale_B1, 1.0)
        while len(rows) and not _exhausted(factor, self.io):
            factor *= 2
            rows_N = torch.from_numpy(rows)
            reduce_N1 = factor * (scale_B1[rows_N] if self.io.noise_management == "abs-max" else 1.0)
            keys = key + np.uint64(2048) * (rows + first + 1).astype(np.uint64) + np.uint64(factor)
            y_1NO, clipped = _read(w_1OI, (x_BI[rows_N] / reduce_N1)[None], self._unmanaged_form, keys)
            y_BO[rows_N] = y_1NO[0] * reduce_N1
            rows = rows[clipped] if clipped is not None else rows[:0]


def analog_matvec(w_ROI: Tensor, x_RBI: Tensor, io: IO, randomness: Randomness) -> Tensor:
    """Return y [R, B, O] = W x as the periphery ``io`` sees it, on the weights' device."""
    return AnalogRead(io)(w_ROI, x_RBI, randomness)


def _read(
    w_ROI: Tensor, x_RBI: Tensor, form: NDArray[np.float32], keys: Keys
) -> tuple[Tensor, NDArray[np.bool_] | None]:
    """Read once; return y and which samples of all replicas clip, None if none does."""
    replicas, samples, n_in = x_RBI.shape
    x = np.ascontiguousarray(x_RBI.numpy()).reshape(replicas * samples, n_in)
    if samples <= FEW and w_ROI.shape[1] * n_in <= SMALL:
        w, small = (w_ROI, read_small) if w_ROI.is_contiguous() else (w_ROI.mT, read_small_back)
        if w.is_contiguous():
            y_small = np.empty((replicas, samples, w_ROI.shape[1]), np.float32)
            clipped = np.empty(len(x), np.bool_)
            any_clips = small(x, w.numpy(), y_small.reshape(len(x), -1), clipped, keys, form)
            return torch.from_numpy(y_small), clipped if any_clips else None
    codes = np.empty((replicas, samples, n_in), np.float32)
    scale, norm = np.empty((2, len(x)), np.float32)
    share(encode, len(x), x.size, x, codes.reshape(x.shape), scale, norm, keys, form)
    y_RBO = torch.bmm(torch.from_numpy(codes), w_ROI.mT)
    y = y_RBO.numpy().reshape(len(x), -1)
    clipped = np.empty(len(y), np.bool_)
    clips = share(decode, len(y), y.size, y, scale, norm, clipped, keys, form)
    return y_RBO, clipped if any(clips) else None


def plain_matvec(w_ROI: Tensor, x_RBI: Tensor, io: IO, generator: torch.Generator) -> Tensor:
    """Do what :func:`analog_matvec` does, in plain tensor operations on any device."""
    if io.perfect:
        return torch.bmm(x_RBI, w_ROI.mT)
    s_RB1 = torch.ones_like(x_RBI[..., :1])
    if io.noise_management == "abs-max":
        s_RB1 = x_RBI.abs().amax(dim=2, keepdim=True)
        if io.inp_noise:
            s_RB1 = torch.where(s_RB1 > 0, s_RB1, 1.0)
    v_RBI = x_RBI / s_RB1.clamp_min(torch.finfo(x_RBI.dtype).tiny)
    y_RBO = _convert(w_ROI, v_RBI, io, generator)
    factor_RB1 = torch.ones_like(s_RB1)
    factor = 1.0
    limit = _clipping_from(io)
    while io.bound_management == "iterative" and not _exhausted(factor, io):
        clips_RB1 = y_RBO.abs().amax(dim=2, keepdim=True) > limit
        if not bool(clips_RB1.any()):
            break
        factor *= 2
        again_RBO = _convert(w_ROI, v_RBI / factor, io, generator)
        y_RBO = torch.where(clips_RB1, again_RBO, y_RBO)
        factor_RB1 = torch.where(clips_RB1, factor, factor_RB1)
    return y_RBO.clamp_(-io.out_bound, io.out_bound).mul_(s_RB1 * factor_RB1)


def _clipping_from(io: IO) -> float:
    """Return the output above which a sample is read again: below the last code where that counts as clipped."""
    if not io.out_steps:
        return io.out_bound
    bound = np.float32(io.out_bound)
    step = np.float32(1 / io.out_steps) * np.float32(2) * bound
    last_clips = np.rint(bound / step) * step > bound
    return io.out_bound + (-0.25 if last_clips else 0.25) * _step(io.out_bound, io.out_steps)


def _exhausted(factor: float, io: IO) -> bool:
    """Return whether bound management gives up and lets the output clip."""
    too_coarse = io.inp_steps > 0 and factor > MAX_BM_RES / _step(io.inp_bound, io.inp_steps)
    return too_coarse or factor > MAX_BM_FACTOR


def _convert(w_ROI: Tensor, v_RBI: Tensor, io: IO, generator: torch.Generator) -> Tensor:
    """DAC, array and ADC without the ADC's bound."""
    r_in, r_out = _step(io.inp_bound, io.inp_steps), _step(io.out_bound, io.out_steps)
    if io.inp_steps:
        v_RBI = (v_RBI / r_in).round_().mul_(r_in)
    v_RBI = v_RBI.clamp(-io.inp_bound, io.inp_bound)
    if io.inp_noise:
        v_RBI = v_RBI + io.inp_noise * torch.randn(v_RBI.shape, generator=generator, device=v_RBI.device)
    z_RBO = torch.bmm(v_RBI, w_ROI.mT)
    if io.out_noise or io.w_noise:
        xi_RBO = torch.randn(z_RBO.shape, generator=generator, device=z_RBO.device)
        norm_RB1 = torch.linalg.vector_norm(v_RBI, dim=2, keepdim=True)
        z_RBO = z_RBO + (io.out_noise**2 + (io.w_noise * norm_RB1) ** 2).sqrt() * xi_RBO
    return (z_RBO / r_out).round_().mul_(r_out) if io.out_steps else z_RBO


def _step(bound: float, steps: int) -> float:
    """Return the size of one converter step; a converter without steps counts in whole units."""
    return 2 * bound / steps if steps else 1.0
