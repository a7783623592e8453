"""Linear with a symmetric point: soft bounds whose up and down pulses differ by 1 ± c.

::

    q₊(w) = s₊ (1 + c)(1 − w/w_max)        q₋(w) = s₋ (1 − c)(1 − w/w_min)        c = c_lin

With equal devices this is q₊ = (1+c)(1 − w/τ), q₋ = (1−c)(1 + w/τ), F = 1 − c w/τ, G = w/τ − c: the symmetric point is
at c τ (P25, Fig. 2). The cycle-to-cycle noise σ_c is relative to the pulse at 0 and does not shrink with the pulse.

AIHWKit twin: for c ≥ 0 ``SoftBoundsReferenceDevice`` with dw_min (1+c) and up_down = 2c/(1+c), because its up_down acts
on one side only; and lr (1+c), because its granularity, in which a requested change is counted, has grown too.
"""

from dataclasses import dataclass

from torch import Tensor

from analogcli.crossbar.straight import Line, StraightLaw, towards
from analogcli.spec import Linear


@dataclass(frozen=True, eq=False)
class LinearLaw(StraightLaw):
    """Linear responses that end at the bounds, symmetric point at c τ."""

    spec: Linear

    @property
    def mult_noise(self) -> bool:
        """Never: σ_c is added to the response, as in the paper."""
        return False

    @property
    def scales(self) -> tuple[Tensor, Tensor]:
        """s₊ (1 + c) and s₋ (1 − c)."""
        p, c = self.population, self.spec.c_lin
        return (1 + c) * p.scale_up_ROI, (1 - c) * p.scale_down_ROI

    def lines(self) -> tuple[Line, Line]:
        """Return s₊ (1 + c)(1 − w/w_max) and s₋ (1 − c)(1 − w/w_min)."""
        up_ROI, down_ROI = self.scales
        return towards(up_ROI, self.population.w_max_ROI), towards(down_ROI, self.population.w_min_ROI)
