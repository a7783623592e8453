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
zero gives no pulses. The granularity is that of the mean device: neither its spread nor the weight enters. Other types
of trains draw nothing: with c = min(round(BL p), BL), ``mean-count`` gives n = round(c_d c_x/BL) pulses and
``deterministic`` n = round(BL p_d p_x).

Source: Gokmen and Vlasov 2016 (arXiv 1603.07341), Gokmen, Onen and Haensch 2017 (1705.08014).
AIHWKit twin: ``UpdateParameters`` with ``PulseType`` STOCHASTIC_COMPRESSED, MEAN_COUNT and DETERMINISTIC_IMPLICIT.

Axes: R replica, B sample (or image patch), K slot of a train, L line, O out, I in.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from analogcli.spec import Pulses


@dataclass(frozen=True, eq=False)
class Trains:
    """Pulse trains of a mini-batch before anything is drawn."""

    length_RB: Tensor
    """Slots of the trains of each sample, int64."""
    gain_x_RB: Tensor
    """B: probability that an input line fires in a slot, for each unit of |x|; above 1 it fires always."""
    gain_d_RB: Tensor
    """A: the same for an output line and |d|."""


def trains(x_RBI: Tensor, d_RBO: Tensor, lr: float, granularity: float, pulses: Pulses) -> Trains:
    """Return the trains that ask for −lr d xᵀ of each sample, in pulses of ``granularity`` [weight units]."""
    n = pulses.desired_bl
    x_max_RB, d_max_RB = x_RBI.abs().amax(dim=2), d_RBO.abs().amax(dim=2)
    asked_RB = (lr / granularity) * x_max_RB * d_max_RB
    any_RB = asked_RB > 0
    length_RB = asked_RB.ceil().clamp(max=n) if pulses.update_bl_management else torch.full_like(asked_RB, n)
    length_RB = torch.where(any_RB, length_RB, 0.0)
    gain_RB = (lr / (granularity * length_RB.clamp_min(1))).sqrt()
    gain_x_RB = gain_d_RB = gain_RB
    if managed(pulses):
        d_cut_RB = d_max_RB * (n / asked_RB.clamp_min(n))
        ratio_RB = torch.where(any_RB, x_max_RB / d_cut_RB, 1.0).sqrt()
        gain_x_RB, gain_d_RB = gain_RB / ratio_RB, gain_RB * ratio_RB
    return Trains(length_RB.long(), gain_x_RB, gain_d_RB)


def managed(pulses: Pulses) -> bool:
    """Return whether update management is on; bit-line management switches it on."""
    return pulses.update_management or pulses.update_bl_management


def draw_bits(values_RBL: Tensor, gain_RB: Tensor, length_RB: Tensor, generator: torch.Generator) -> Tensor:
    """Return which lines fire in which slot, [R, B, K, lines] of 0 and 1 (float32), K being the longest train."""
    slots = int(length_RB.max()) if length_RB.numel() else 0
    p_RB1L = (values_RBL.abs() * gain_RB[..., None])[:, :, None]
    shape = (*values_RBL.shape[:2], slots, values_RBL.shape[2])
    u_RBKL = torch.rand(shape, generator=generator, device=values_RBL.device)
    within_RBK1 = (torch.arange(slots, device=values_RBL.device) < length_RB[..., None])[..., None]
    return ((u_RBKL < p_RB1L) & within_RBK1).to(torch.float32)


def fixed_counts(x_RI: Tensor, d_RO: Tensor, train: Trains, sample: int, pulses: Pulses) -> Tensor:
    """Return the pulses [R, O, I] that one sample gives every cross point where trains are not drawn."""
    length_R1 = train.length_RB[:, sample, None].to(x_RI.dtype)
    p_x_RI = (x_RI.abs() * train.gain_x_RB[:, sample, None]).clamp(max=1)
    p_d_RO = (d_RO.abs() * train.gain_d_RB[:, sample, None]).clamp(max=1)
    if pulses.pulse_type == "deterministic":
        return (length_R1[..., None] * p_d_RO[..., None] * p_x_RI[:, None]).round()
    c_x_RI, c_d_RO = (length_R1 * p_x_RI).round(), (length_R1 * p_d_RO).round()
    return (c_d_RO[..., None] * c_x_RI[:, None] / length_R1[..., None].clamp_min(1)).round()
