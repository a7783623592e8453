"""Exponential response: each pulse shrinks exponentially towards the bound it moves to.

::

    q₊(w) = s₊ (e^{γ_res (1 − w/w_max)} − 1)/(e^γ_res − 1)
    q₋(w) = s₋ (e^{γ_res (1 − w/w_min)} − 1)/(e^γ_res − 1)

With equal devices this is q± = (e^{γ_res (1 ∓ w/τ)} − 1)/(e^γ_res − 1) (P25 Fig. 5), which is 1 at w = 0;
γ_res → 0 is soft bounds.

AIHWKit twin: none. Its ``ExpStepDevice`` is a concave family, 1 − A e^{γ z}, and this one is convex; P24's appendix C
has another concave one under the same name.
"""

import math
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

    def q_plus(self, w_OI: Tensor) -> Tensor:
        """Return s₊ (e^{γ_res (1 − w/w_max)} − 1)/(e^γ_res − 1)."""
        return self.population.scale_up_OI * self._response(w_OI, self.population.w_max_OI)

    def q_minus(self, w_OI: Tensor) -> Tensor:
        """Return s₋ (e^{γ_res (1 − w/w_min)} − 1)/(e^γ_res − 1)."""
        return self.population.scale_down_OI * self._response(w_OI, self.population.w_min_OI)

    @cached_property
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops."""
        p = self.population
        devices = (p.scale_up_OI, p.scale_down_OI, p.w_min_OI, p.w_max_OI)
        return DeviceTable(EXPONENTIAL, self.spec.gamma_res, self.spec.dw_min_std, True, *devices)

    def _response(self, w_OI: Tensor, bound_OI: Tensor) -> Tensor:
        # expm1 keeps the digits that e^x − 1 loses for small γ_res, where the law is nearly linear.
        gamma = self.spec.gamma_res
        return torch.expm1(gamma * (1 - w_OI / bound_OI)) / math.expm1(gamma)
