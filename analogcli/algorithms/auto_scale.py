"""Automatic scale of the gradient onto a fast array: a fixed part of a full pulse train, whatever the gradients are.

::

    lr_fast = fast_lr · BL · Δw_min of A / (m_x m_d)                                       (NC24 eq 5, auto scale)
    m ← m + ρ (max|v| − m)  for x and for d at every vector that is not all zero,  ρ = (1 − auto_momentum)/B

m starts at the first value. The recursion over the B vectors of a mini-batch is solved as one sum,
m_b = q^b (m_0 + ρ Σ_k≤b v_k q^−k) with q = 1 − ρ; q^−B stays small as ρ B < 1.

Source: Rasch et al. 2024 (NC24, Nature Communications 15:7133). AIHWKit counterpart: ``auto_scale``.

Axes: R replica, B sample (or image patch), O out, I in.
"""

import torch
from torch import Tensor


def running_mean(mean_R: Tensor, peak_RB: Tensor, rate: float) -> Tensor:
    """Return the running mean after each vector [R, B], continued from ``mean_R``, which is 0 before the first."""
    counts_RB = peak_RB > 0
    first_R1 = peak_RB.gather(1, counts_RB.to(torch.uint8).argmax(dim=1, keepdim=True))
    start_R1 = torch.where(mean_R[:, None] > 0, mean_R[:, None], first_R1)
    decay_RB = (1 - rate) ** counts_RB.cumsum(dim=1)
    return decay_RB * (start_R1 + rate * (peak_RB / decay_RB).cumsum(dim=1))


def automatic_rates(full_train: float, x_mean_RB: Tensor, d_mean_RB: Tensor) -> Tensor:
    """Return the learning rate of every vector [R, B] that asks for ``full_train`` at the mean peaks."""
    product_RB = x_mean_RB * d_mean_RB
    return full_train / torch.where(product_RB > 0, product_RB, 1.0)
