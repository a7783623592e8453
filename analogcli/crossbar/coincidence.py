"""The pulsed update in plain tensor operations, for every law on every torch device: what the compiled loops compute.

::

    n_ROI = Σ_k D_k X_kᵀ       coincidences of a chunk of samples, exact in law, counts of a line correlated
    n times:  w ← clip(w ± Δw_min (q±(w) + σ ξ)),  up with probability n_up/n of the pulses that are left

σ ξ is the cycle-to-cycle noise of the device law, fresh for every pulse. Chunks of one sample are AIHWKit's CPU update
of a pulsed tile; all pulses of a sample on one cross point have the same direction. In larger chunks pulses of both
directions meet, in random order.

Axes: R replica, B sample (or image patch), K slot of a train, O out, I in.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.kernels.trains import edges
from analogcli.crossbar.pulses import Trains, draw_bits, fixed_counts, trains
from analogcli.crossbar.randomness import Randomness
from analogcli.spec import Pulses


def pulsed_update(
    w_ROI: Tensor,
    law: ResponseLaw,
    x_RBI: Tensor,
    d_RBO: Tensor,
    lr: float,
    pulses: Pulses,
    max_pulses: float,
    randomness: Randomness,
) -> Tensor:
    """Return the weights after all samples.

    Args:
        max_pulses: expected pulses of a chunk on any device; 0: every sample is a chunk of its own.
    """
    train = trains(x_RBI, d_RBO, lr, law.granularity, pulses)
    for part in _chunks(x_RBI, d_RBO, lr / law.granularity / max_pulses if max_pulses else math.inf):
        up_ROI, down_ROI = _counts(x_RBI, d_RBO, train, part, pulses, randomness.generator)
        w_ROI = _apply(w_ROI, law, up_ROI, up_ROI + down_ROI, randomness.generator)
    return w_ROI


def _chunks(x_RBI: Tensor, d_RBO: Tensor, per_unit: float) -> list[slice]:
    """Return the chunks: as many as the load, bounded by Cauchy and Schwarz, needs, with equal shares of it."""
    squares_R = x_RBI.square().sum(1).amax(1) * d_RBO.square().sum(1).amax(1)
    asks_B = (x_RBI.abs().amax(2) * d_RBO.abs().amax(2)).amax(0)
    load = per_unit * float(squares_R.max().sqrt()) if per_unit < math.inf else math.inf
    n_chunks = len(asks_B) if load > len(asks_B) else max(math.ceil(load), 1)
    begins = edges(asks_B.double().cpu().numpy(), n_chunks)
    return [slice(first, last) for first, last in pairwise(begins.tolist()) if first < last]


def _counts(
    x_RBI: Tensor, d_RBO: Tensor, train: Trains, part: slice, pulses: Pulses, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return the up and the down pulses [R, O, I] of the samples in ``part``."""
    x_RBI, d_RBO = x_RBI[:, part], d_RBO[:, part]
    if pulses.pulse_type == "stochastic-compressed":
        length_RB = train.length_RB[:, part]
        x_RBKI = draw_bits(x_RBI, train.gain_x_RB[:, part], length_RB, generator) * x_RBI.sign()[:, :, None]
        d_RBKO = draw_bits(d_RBO, train.gain_d_RB[:, part], length_RB, generator) * d_RBO.sign()[:, :, None]
        x_RKI, d_RKO = x_RBKI.flatten(1, 2), d_RBKO.flatten(1, 2)
        sum_ROI, total_ROI = d_RKO.mT @ x_RKI, d_RKO.abs().mT @ x_RKI.abs()
    else:
        first = part.start
        total = [fixed_counts(x_RBI[:, b], d_RBO[:, b], train, first + b, pulses) for b in range(x_RBI.shape[1])]
        signs = [d_RBO[:, b, :, None].sign() * x_RBI[:, b, None].sign() for b in range(x_RBI.shape[1])]
        total_ROI = torch.stack(total).sum(0)
        sum_ROI = torch.stack([n * s for n, s in zip(total, signs, strict=True)]).sum(0)
    return (total_ROI - sum_ROI) / 2, (total_ROI + sum_ROI) / 2


def _apply(w_ROI: Tensor, law: ResponseLaw, up_ROI: Tensor, left_ROI: Tensor, generator: torch.Generator) -> Tensor:
    """Return the weights after ``left_ROI`` pulses on each device, ``up_ROI`` of them upwards, in random order."""
    for _ in range(int(left_ROI.max())):
        u_ROI = torch.rand(w_ROI.shape, generator=generator, device=w_ROI.device)
        upwards_ROI = u_ROI * left_ROI < up_ROI
        step_ROI = torch.where(upwards_ROI, law.q_plus(w_ROI), -law.q_minus(w_ROI))
        if law.is_noisy:
            xi_ROI = torch.randn(w_ROI.shape, generator=generator, device=w_ROI.device)
            step_ROI = step_ROI + law.cycle_noise(w_ROI, upwards_ROI) * xi_ROI
        w_ROI = torch.where(left_ROI > 0, law.clip(w_ROI + law.spec.dw_min * step_ROI), w_ROI)
        up_ROI = up_ROI - (upwards_ROI & (left_ROI > 0)).to(up_ROI)
        left_ROI = (left_ROI - 1).clamp_min(0)
    return w_ROI
