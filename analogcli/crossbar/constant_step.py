"""Constant step: pulses of one size, up to hard bounds.

::

    q₊(w) = s₊        q₋(w) = s₋        w_min ≤ w ≤ w_max

F and G do not depend on w, and G = 0 where the device is symmetric: the only nonlinearity is the clipping.

Source: Gokmen and Vlasov 2016 (arXiv 1603.07341). AIHWKit twin: ``ConstantStepDevice``.
"""

from dataclasses import dataclass

from analogcli.crossbar.straight import Line, StraightLaw
from analogcli.spec import ConstantStep


@dataclass(frozen=True, eq=False)
class ConstantStepLaw(StraightLaw):
    """Responses without slope."""

    spec: ConstantStep

    def lines(self) -> tuple[Line, Line]:
        """Return offsets s±, slopes 0."""
        p, none_ROI = self.population, self.same_for_all(0.0)
        return (p.scale_up_ROI, none_ROI), (p.scale_down_ROI, none_ROI)
