"""Exponential response: each pulse shrinks exponentially towards the bound it moves to.

::

    q₊(w) = s₊ (e^{γ_res (1 − w/w_max)} − 1)/(e^γ_res − 1)
    q₋(w) = s₋ (e^{γ_res (1 − w/w_min)} − 1)/(e^γ_res − 1)

With equal devices this is q± = (e^{γ_res (1 ∓ w/τ)} − 1)/(e^γ_res − 1) (P25 Fig. 5), which is 1 at w = 0;
γ_res → 0 is soft bounds.

AIHWKit twin: none. Its ``ExpStepDevice`` is a concave family, 1 − A e^{γ z} (see :mod:`.exp_step`), and this one is
convex; P24's appendix C has another concave one under the same name.

Axes: R replica, O out, I in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.table import EXPONENTIAL, DeviceTable
from analogcli.spec import ExponentialStep


@dataclass(frozen=True, eq=False)
class ExponentialLaw(ResponseLaw):
    """Exponential responses, symmetric point at 0 for equal up and down scales and bounds."""

    spec: ExponentialStep

    def q_plus(self, w_ROI: Tensor) -> Tensor:
        """Return s₊ (e^{γ_res (1 − w/w_max)} − 1)/(e^γ_res − 1)."""
        return self.population.scale_up_ROI * self._response(w_ROI, self.population.w_max_ROI)

    def q_minus(self, w_ROI: Tensor) -> Tensor:
        """Return s₋ (e^{γ_res (1 − w/w_min)} − 1)/(e^γ_res − 1)."""
        return self.population.scale_down_ROI * self._response(w_ROI, self.population.w_min_ROI)

    @cached_property
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops."""
        return DeviceTable(EXPONENTIAL, self.columns, self.spec.dw_min_std, write_noise=self.write_noise)

    def columns(self) -> Sequence[Tensor]:
        """Return pulses in units of the exponential's, γ_res and bounds."""
        p, full = self.population, self.spec.dw_min / math.expm1(self.spec.gamma_res)
        gamma_ROI, none_ROI = self.same_for_all(self.spec.gamma_res), self.same_for_all(0.0)
        up_and_down = (full * p.scale_up_ROI, gamma_ROI, full * p.scale_down_ROI, gamma_ROI)
        return *up_and_down, p.w_min_ROI, p.w_max_ROI, none_ROI, none_ROI

    def _response(self, w_ROI: Tensor, bound_ROI: Tensor) -> Tensor:
        # expm1 keeps the digits that e^x − 1 loses for small γ_res, where the law is nearly linear.
        gamma = self.spec.gamma_res
        return torch.expm1(gamma * (1 - w_ROI / bound_ROI)) / math.expm1(gamma)
