"""Linear step: pulses that shrink linearly on the way to a hard bound, by a fraction γ±.

::

    q₊(w) = s₊ (1 − γ₊ w/m₊)        γ₊ = |gamma_up + gamma_up_dtod N|
    q₋(w) = s₋ (1 − γ₋ w/m₋)        γ₋ = |gamma_down + gamma_down_dtod N|

m± are the mean bounds, or with ``mean_bound_reference`` off the device's own; γ± = 1 is then soft bounds. A response
need not end at the bound; the bound clips.

AIHWKit twin: ``LinearStepDevice`` (without reverse_up, reverse_down and allow_increasing).

Axes: R replica, O out, I in.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from analogcli.crossbar.population import Population, normal
from analogcli.crossbar.straight import Line, StraightLaw
from analogcli.spec import LinearStep


@dataclass(frozen=True, eq=False)
class LinearStepPopulation(Population):
    """Devices whose slopes vary."""

    gamma_up_ROI: Tensor | None = None
    """Decrease of the up pulse on the way to the bound [units of the pulse at 0]; None: the spec's for all."""
    gamma_down_ROI: Tensor | None = None
    """Decrease of the down pulse on the way to the bound [units of the pulse at 0]; None: the spec's for all."""

    @classmethod
    def drawn(cls, spec: LinearStep, shape_OI: tuple[int, int], generator: torch.Generator) -> dict[str, Tensor]:
        """Add γ±."""
        drawn = super().drawn(spec, shape_OI, generator)
        if spec.gamma_up_dtod:
            drawn["gamma_up_ROI"] = (spec.gamma_up + spec.gamma_up_dtod * normal(shape_OI, generator)).abs()
        if spec.gamma_down_dtod:
            drawn["gamma_down_ROI"] = (spec.gamma_down + spec.gamma_down_dtod * normal(shape_OI, generator)).abs()
        return drawn


@dataclass(frozen=True, eq=False)
class LinearStepLaw(StraightLaw):
    """Linear responses with hard bounds."""

    made_of: ClassVar[type[Population]] = LinearStepPopulation
    spec: LinearStep
    population: LinearStepPopulation

    @property
    def mult_noise(self) -> bool:
        """Whether the cycle-to-cycle noise shrinks with the pulse."""
        return self.spec.mult_noise

    def lines(self) -> tuple[Line, Line]:
        """Return s₊ (1 − γ₊ w/m₊) and s₋ (1 − γ₋ w/m₋)."""
        p, s = self.population, self.spec
        gamma_up = s.gamma_up if p.gamma_up_ROI is None else p.gamma_up_ROI
        gamma_down = s.gamma_down if p.gamma_down_ROI is None else p.gamma_down_ROI
        high_ROI, low_ROI = p.w_max_ROI, p.w_min_ROI
        if s.mean_bound_reference:
            high_ROI, low_ROI = self.same_for_all(s.w_max), self.same_for_all(s.w_min)
        return _line(p.scale_up_ROI, gamma_up, high_ROI), _line(p.scale_down_ROI, gamma_down, low_ROI)


def _line(scale_ROI: Tensor, gamma: Tensor | float, reference_ROI: Tensor) -> Line:
    return scale_ROI, torch.where(reference_ROI == 0, 0.0, -gamma * scale_ROI / reference_ROI)
