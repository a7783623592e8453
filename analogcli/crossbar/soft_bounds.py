"""Soft bounds: each pulse shrinks linearly towards the bound it moves to.

::

    q₊(w) = s₊ (1 − v/w_max)        q₋(w) = s₋ (1 − v/w_min)        v = w + reference     (P24 ALD, P25 with γ_res = 1)

With equal devices, s± = 1 and w_max = −w_min = τ, this is F = 1, G = w/τ. The symmetric point, q₊ = q₋, is at
v_s = (s₊ − s₋)/(s₊/w_max − s₋/w_min). The array holds v against a reference device, and w, the difference, is the
weight: its bounds move by −reference. With ``subtract_symmetry_point`` v_s is added to the reference, so that the
symmetric point of w is 0.

AIHWKit twin: ``SoftBoundsReferenceDevice``; with ``mult_noise`` also ``SoftBoundsDevice``. AIHWKit clips weights that
are written to the bounds of v, here they are clipped to those of w; and it adds v_s to the reset value of w, here the
reset value is the weight that a reset leaves.

Axes: R replica, O out, I in.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from analogcli.crossbar.population import Population, normal
from analogcli.crossbar.straight import Line, StraightLaw, towards
from analogcli.spec import SoftBounds


@dataclass(frozen=True, eq=False)
class SoftBoundsPopulation(Population):
    """Devices with a spread of their reference and of their slopes, which is one of their bounds."""

    reference_error_ROI: Tensor | None = None
    """Spread of the reference of each device [weight units]; None: no spread."""

    @classmethod
    def drawn(cls, spec: SoftBounds, shape_OI: tuple[int, int], generator: torch.Generator) -> dict[str, Tensor]:
        """Divide the bounds by |1 + slope_dtod N| (corrupt devices have no slope) and add the reference's spread."""
        drawn = super().drawn(spec, shape_OI, generator)
        slopes = {"w_max_ROI": spec.slope_up_dtod, "w_min_ROI": spec.slope_down_dtod}
        works_ROI = drawn["w_max_ROI"] > drawn["w_min_ROI"]
        for name, spread in slopes.items():
            if spread:
                slope_ROI = (1 + spread * normal(shape_OI, generator)).abs()
                drawn[name] = torch.where(works_ROI, drawn[name] / slope_ROI, drawn[name])
        if spec.reference_std:
            drawn["reference_error_ROI"] = spec.reference_std * normal(shape_OI, generator)
        return drawn


@dataclass(frozen=True, eq=False)
class SoftBoundsLaw(StraightLaw):
    """Linear responses that end at the bounds."""

    made_of: ClassVar[type[Population]] = SoftBoundsPopulation
    spec: SoftBounds
    population: SoftBoundsPopulation

    @property
    def mult_noise(self) -> bool:
        """Whether the cycle-to-cycle noise shrinks with the pulse."""
        return self.spec.mult_noise

    def lines(self) -> tuple[Line, Line]:
        """Return s₊ (1 − v/w_max) and s₋ (1 − v/w_min)."""
        p, reference_ROI = self.population, self.reference_ROI
        up = towards(p.scale_up_ROI, p.w_max_ROI, reference_ROI)
        return up, towards(p.scale_down_ROI, p.w_min_ROI, reference_ROI)

    @cached_property
    def reference_ROI(self) -> Tensor:
        """What is subtracted from each device to give its weight [weight units]."""
        p = self.population
        reference_ROI = self.same_for_all(self.spec.reference_mean)
        if p.reference_error_ROI is not None:
            reference_ROI = reference_ROI + p.reference_error_ROI
        if self.spec.subtract_symmetry_point:
            pull_ROI = p.scale_up_ROI / p.w_max_ROI - p.scale_down_ROI / p.w_min_ROI
            point_ROI = (p.scale_up_ROI - p.scale_down_ROI) / pull_ROI
            reference_ROI = reference_ROI + torch.where(p.w_max_ROI > p.w_min_ROI, point_ROI, 0.0)
        return reference_ROI

    @cached_property
    def upper_ROI(self) -> Tensor:
        """Largest weight of each device [weight units]."""
        w_max_ROI = self.population.w_max_ROI
        return w_max_ROI - self.reference_ROI if self._has_reference else w_max_ROI

    @cached_property
    def lower_ROI(self) -> Tensor:
        """Smallest weight of each device [weight units]."""
        w_min_ROI = self.population.w_min_ROI
        return w_min_ROI - self.reference_ROI if self._has_reference else w_min_ROI

    @property
    def _has_reference(self) -> bool:
        given = self.population.reference_error_ROI is not None
        return given or self.spec.subtract_symmetry_point or self.spec.reference_mean != 0
