"""Constant step: pulses of one size, up to hard bounds.

::

    q₊(w) = s₊        q₋(w) = s₋        w_min ≤ w ≤ w_max

F and G do not depend on w, and G = 0 where the device is symmetric: the only nonlinearity is the clipping.

Source: Gokmen and Vlasov 2016 (arXiv 1603.07341). AIHWKit twin: ``ConstantStepDevice``.
"""

from dataclasses import dataclass
from functools import cached_property

import torch

from analogcli.crossbar.straight import Line, StraightLaw
from analogcli.spec import ConstantStep


@dataclass(frozen=True, eq=False)
class ConstantStepLaw(StraightLaw):
    """Responses without slope."""

    spec: ConstantStep

    @cached_property
    def up_line(self) -> Line:
        """Offset s₊, slope 0."""
        return self.population.scale_up_ROI, torch.zeros_like(self.population.scale_up_ROI)

    @cached_property
    def down_line(self) -> Line:
        """Offset s₋, slope 0."""
        return self.population.scale_down_ROI, torch.zeros_like(self.population.scale_down_ROI)
