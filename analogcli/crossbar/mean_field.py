"""The analog update in the mean: a whole mini-batch of pulses as one deterministic step.

::

    W' = clip(W + ΔW ∘ F(W) − |ΔW| ∘ G(W))                                   (P24 eq 7, P25 eq 5)
    ΔW = −lr Σ_b d_b x_bᵀ          |ΔW| = lr Σ_b |d_b| |x_b|ᵀ

Hardware applies the samples one after the other, so |ΔW| is summed over the samples and is not the absolute value of
the sum; with ``whole_batch`` it is that, |ΔW| = |lr Σ_b d_b x_bᵀ|, as if the gradient of the mini-batch came in one
pulse train: the dynamic that P24 compares with pulses (figure 3).

Equivalently, up and down pulses act at the rates U = (|ΔW| + ΔW)/2 and D = (|ΔW| − ΔW)/2,
W' = W + U ∘ q₊(W) − D ∘ q₋(W). Where devices differ, q± and with them F and G carry each device's own scale. A request
is counted in pulses of the granularity, and a pulse moves q± Δw_min: where these differ (:mod:`.pow_step`,
:mod:`.exp_step`), ΔW is multiplied by Δw_min/granularity.

This is the mean of AIHWKit's pulsed update to first order in the change: q± are taken at the weight before the
mini-batch, and cycle-to-cycle noise, the chance of coincidences and the rounding to whole pulses are left out.
AIHWKit has no such mode.

Axes: R replica, B sample (or image patch), O out, I in.
"""

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw


def mean_field_update(
    w_ROI: Tensor, law: ResponseLaw, x_RBI: Tensor, d_RBO: Tensor, lr: float, *, whole_batch: bool = False
) -> Tensor:
    """Return the weights after the samples ``x_RBI`` with output gradients ``d_RBO`` at learning rate ``lr``."""
    sum_ROI = d_RBO.mT @ x_RBI
    abs_ROI = sum_ROI.abs() if whole_batch else d_RBO.abs().mT @ x_RBI.abs()
    f_ROI, g_ROI = law.f_and_g(w_ROI)
    # The memory of sum_ROI takes all results in turn: the update is limited by memory traffic, not by arithmetic.
    sum_ROI.mul_(f_ROI).addcmul_(abs_ROI, g_ROI)
    asked = lr * law.spec.dw_min / law.granularity
    return torch.add(w_ROI, sum_ROI, alpha=-asked, out=sum_ROI).clamp_(law.lower_ROI, law.upper_ROI)
