"""From a requested rank-one change to pulse trains on the lines of the array.

::

    g = Δw_min,  N = desired_bl,  x̂ = max|x|,  d̂ = max|d|  of one sample
    BL = N                                               without bit-line management
    BL = min(⌈lr x̂ d̂/g⌉, N)                              with it; it switches update management on as well
    A = B = √(lr/(g BL))
    update management:  d̂ ← d̂ N/k if k = lr x̂ d̂/g > N (only d is shortened, never x);  A ← A √(x̂/d̂),  B ← B √(d̂/x̂)
    a line fires in a slot with probability p_x = min(|x| B, 1), p_d = min(|d| A, 1), independently of all others
    a cross point is pulsed where both its lines fire; downwards if x d > 0, else upwards

so that in the mean a cross point is asked for −lr x d as long as nothing fires always. A sample whose x or d is all
zero gives no pulses. The granularity is that of the mean device: neither its spread nor the weight enters.

Source: Gokmen and Vlasov 2016 (arXiv 1603.07341), Gokmen, Onen and Haensch 2017 (1705.08014).
AIHWKit twin: ``UpdateParameters`` with ``PulseType.STOCHASTIC_COMPRESSED``.

Axes: B sample (or image patch), K slot of a train, O out, I in.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from analogcli.spec import Pulses


@dataclass(frozen=True, eq=False)
class Trains:
    """Pulse trains of a mini-batch before anything is drawn."""

    length_B: Tensor
    """Slots of the trains of each sample, int64."""
    gain_x_B: Tensor
    """B: probability that an input line fires in a slot, for each unit of |x|; above 1 it fires always."""
    gain_d_B: Tensor
    """A: the same for an output line and |d|."""


def trains(x_BI: Tensor, d_BO: Tensor, lr: float, granularity: float, pulses: Pulses) -> Trains:
    """Return the trains that ask for −lr d xᵀ of each sample, in pulses of ``granularity`` [weight units]."""
    n = pulses.desired_bl
    x_max_B, d_max_B = x_BI.abs().amax(dim=1), d_BO.abs().amax(dim=1)
    asked_B = (lr / granularity) * x_max_B * d_max_B
    any_B = asked_B > 0
    length_B = asked_B.ceil().clamp(max=n) if pulses.update_bl_management else torch.full_like(asked_B, n)
    length_B = torch.where(any_B, length_B, 0.0)
    gain_B = (lr / (granularity * length_B.clamp_min(1))).sqrt()
    gain_x_B = gain_d_B = gain_B
    if pulses.update_management or pulses.update_bl_management:
        d_cut_B = d_max_B * (n / asked_B.clamp_min(n))
        ratio_B = torch.where(any_B, x_max_B / d_cut_B, 1.0).sqrt()
        gain_x_B, gain_d_B = gain_B / ratio_B, gain_B * ratio_B
    return Trains(length_B.long(), gain_x_B, gain_d_B)


def draw_bits(values_BL: Tensor, gain_B: Tensor, length_B: Tensor, generator: torch.Generator) -> Tensor:
    """Return which lines fire in which slot, [B, K, lines] of 0 and 1 (float32), K being the longest train."""
    slots = int(length_B.max()) if len(length_B) else 0
    p_B1L = (values_BL.abs() * gain_B[:, None])[:, None]
    u_BKL = torch.rand((len(values_BL), slots, values_BL.shape[1]), generator=generator, device=values_BL.device)
    within_BK1 = (torch.arange(slots, device=values_BL.device) < length_B[:, None])[..., None]
    return ((u_BKL < p_B1L) & within_BK1).to(torch.float32)
