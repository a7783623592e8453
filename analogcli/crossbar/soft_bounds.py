"""Soft bounds: each pulse shrinks linearly towards the bound it moves to.

::

    q₊(w) = s₊ (1 − w/w_max)        q₋(w) = s₋ (1 − w/w_min)                  (P24 ALD, P25 with γ_res = 1)

With equal devices, s± = 1 and w_max = −w_min = τ, this is F = 1, G = w/τ. The symmetric point, q₊ = q₋, is at
w_s = (s₊ − s₋)/(s₊/w_max − s₋/w_min). With ``subtract_symmetry_point`` the array holds v = w + w_s against a
reference device at w_s, and w, the difference, is the weight: its symmetric point is 0 and its bounds move by −w_s.

AIHWKit twin: ``SoftBoundsReferenceDevice``.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.table import SOFT_BOUNDS, DeviceTable
from analogcli.spec import SoftBounds


@dataclass(frozen=True, eq=False)
class SoftBoundsLaw(ResponseLaw):
    """Linear responses; being linear in w, they are kept as offset and slope."""

    spec: SoftBounds

    def q_plus(self, w_OI: Tensor) -> Tensor:
        """Return s₊ (1 − v/w_max)."""
        return torch.addcmul(self._up[0], self._up[1], w_OI)

    def q_minus(self, w_OI: Tensor) -> Tensor:
        """Return s₋ (1 − v/w_min)."""
        return torch.addcmul(self._down[0], self._down[1], w_OI)

    def cycle_noise(self, w_OI: Tensor, up_OI: Tensor) -> Tensor:
        """Return σ_c s±: the noise of a pulse does not shrink with the pulse (AIHWKit: mult_noise False)."""
        del w_OI
        p = self.population
        return self.spec.dw_min_std * torch.where(up_OI, p.scale_up_OI, p.scale_down_OI)

    @cached_property
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops."""
        p = self.population
        devices = (p.scale_up_OI, p.scale_down_OI, p.w_min_OI, p.w_max_OI)
        reference = self.reference_OI if self.spec.subtract_symmetry_point else None
        return DeviceTable(SOFT_BOUNDS, 1.0, self.spec.dw_min_std, False, *devices, reference)

    def f_and_g(self, w_OI: Tensor) -> tuple[Tensor, Tensor]:
        """Return F and G, each as one offset and slope instead of through q±."""
        (f0_OI, f1_OI), (g0_OI, g1_OI) = self._split
        return torch.addcmul(f0_OI, f1_OI, w_OI), torch.addcmul(g0_OI, g1_OI, w_OI)

    @cached_property
    def reference_OI(self) -> Tensor:
        """What is subtracted from each device to give its weight [weight units]."""
        p = self.population
        if not self.spec.subtract_symmetry_point:
            return torch.zeros_like(p.w_max_OI)
        return (p.scale_up_OI - p.scale_down_OI) / (p.scale_up_OI / p.w_max_OI - p.scale_down_OI / p.w_min_OI)

    @cached_property
    def upper_OI(self) -> Tensor:
        """Largest weight of each device [weight units]."""
        return self.population.w_max_OI - self.reference_OI

    @cached_property
    def lower_OI(self) -> Tensor:
        """Smallest weight of each device [weight units]."""
        return self.population.w_min_OI - self.reference_OI

    @cached_property
    def _up(self) -> tuple[Tensor, Tensor]:
        return _line(self.population.scale_up_OI, self.population.w_max_OI, self.reference_OI)

    @cached_property
    def _down(self) -> tuple[Tensor, Tensor]:
        return _line(self.population.scale_down_OI, self.population.w_min_OI, self.reference_OI)

    @cached_property
    def _split(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        (up0_OI, up1_OI), (down0_OI, down1_OI) = self._up, self._down
        return (
            ((down0_OI + up0_OI) / 2, (down1_OI + up1_OI) / 2),
            ((down0_OI - up0_OI) / 2, (down1_OI - up1_OI) / 2),
        )


def _line(scale_OI: Tensor, bound_OI: Tensor, reference_OI: Tensor) -> tuple[Tensor, Tensor]:
    """Return offset and slope in w of scale (1 − (w + reference)/bound)."""
    slope_OI = -scale_OI / bound_OI
    return scale_OI + slope_OI * reference_OI, slope_OI
