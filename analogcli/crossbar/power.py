"""Power response: each pulse shrinks with the γ_res-th power of the distance to the bound it moves to.

::

    q₊(w) = s₊ (2 (w_max − w)/R)^γ_res        q₋(w) = s₋ (2 (w − w_min)/R)^γ_res        R = w_max − w_min

With equal devices this is q± = (1 ∓ w/τ)^γ_res (P25 Fig. 5), which is 1 at w = 0; γ_res = 1 is soft bounds.

AIHWKit twin: ``PowStepDevice`` with ``pow_gamma = γ_res``, ``pow_gamma_dtod = 0`` and 2^γ_res times the dw_min, because
its pulse, dw_min ((w_max − w)/R)^γ, is 2^−γ dw_min at w = 0 (see :mod:`.pow_step`).

Axes: R replica, O out, I in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.table import POWER, DeviceTable
from analogcli.spec import PowerStep


@dataclass(frozen=True, eq=False)
class PowerLaw(ResponseLaw):
    """Power responses, symmetric point at 0 for equal up and down scales and bounds."""

    spec: PowerStep

    def q_plus(self, w_ROI: Tensor) -> Tensor:
        """Return s₊ (2 (w_max − w)/R)^γ_res; ``w_ROI`` must lie within the bounds."""
        p = self.population
        return p.scale_up_ROI * (2 * place(p.w_max_ROI - w_ROI, p.w_max_ROI - p.w_min_ROI)) ** self.spec.gamma_res

    def q_minus(self, w_ROI: Tensor) -> Tensor:
        """Return s₋ (2 (w − w_min)/R)^γ_res; ``w_ROI`` must lie within the bounds."""
        p = self.population
        return p.scale_down_ROI * (2 * place(w_ROI - p.w_min_ROI, p.w_max_ROI - p.w_min_ROI)) ** self.spec.gamma_res

    @cached_property
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops."""
        return DeviceTable(POWER, self.columns, self.spec.dw_min_std, write_noise=self.write_noise)

    def columns(self) -> Sequence[Tensor]:
        """Return pulses at the far end of the range, γ_res and bounds."""
        p, full = self.population, 2**self.spec.gamma_res * self.spec.dw_min
        gamma_ROI, none_ROI = self.same_for_all(self.spec.gamma_res), self.same_for_all(0.0)
        up_and_down = (full * p.scale_up_ROI, gamma_ROI, full * p.scale_down_ROI, gamma_ROI)
        return *up_and_down, p.w_min_ROI, p.w_max_ROI, none_ROI, none_ROI


def place(distance_ROI: Tensor, range_ROI: Tensor) -> Tensor:
    """Return a distance as a fraction of the range; 0 on devices that have no range."""
    return torch.where(range_ROI > 0, distance_ROI / range_ROI, 0.0)
