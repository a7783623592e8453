"""Power response: each pulse shrinks with the γ_res-th power of the distance to the bound it moves to.

::

    q₊(w) = s₊ (2 (w_max − w)/R)^γ_res        q₋(w) = s₋ (2 (w − w_min)/R)^γ_res        R = w_max − w_min

With equal devices this is q± = (1 ∓ w/τ)^γ_res (P25 Fig. 5), which is 1 at w = 0; γ_res = 1 is soft bounds.

AIHWKit twin: ``PowStepDevice`` with ``pow_gamma = γ_res``, ``pow_gamma_dtod = 0`` and 2^γ_res times the dw_min, because
its pulse, dw_min ((w_max − w)/R)^γ, is 2^−γ dw_min at w = 0.
"""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.table import POWER, DeviceTable
from analogcli.spec import PowerStep


@dataclass(frozen=True, eq=False)
class PowerLaw(ResponseLaw):
    """Power responses, symmetric point at 0 for equal up and down scales and bounds."""

    spec: PowerStep

    def q_plus(self, w_OI: Tensor) -> Tensor:
        """Return s₊ (2 (w_max − w)/R)^γ_res; ``w_OI`` must lie within the bounds."""
        p = self.population
        return p.scale_up_OI * (2 * (p.w_max_OI - w_OI) / (p.w_max_OI - p.w_min_OI)) ** self.spec.gamma_res

    def q_minus(self, w_OI: Tensor) -> Tensor:
        """Return s₋ (2 (w − w_min)/R)^γ_res; ``w_OI`` must lie within the bounds."""
        p = self.population
        return p.scale_down_OI * (2 * (w_OI - p.w_min_OI) / (p.w_max_OI - p.w_min_OI)) ** self.spec.gamma_res

    @cached_property
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops."""
        p = self.population
        devices = (p.scale_up_OI, p.scale_down_OI, p.w_min_OI, p.w_max_OI)
        return DeviceTable(POWER, self.spec.gamma_res, self.spec.dw_min_std, True, *devices)
