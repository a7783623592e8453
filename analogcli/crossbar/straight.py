"""Responses that are straight lines in the weight: constant step, linear step, soft bounds and the papers' linear.

::

    q₊(w) = a₊ + k₊ w        q₋(w) = a₋ + k₋ w
    noise of a pulse         σ_c |q±(w)| (mult_noise) or σ_c s±, which does not shrink with the pulse

A line is kept as offset and slope, so that F and G are lines too and the compiled loops need no division.

Axes: R replica, O out, I in.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.table import LINEAR, DeviceTable

Line = tuple[Tensor, Tensor]
"""Offset [units of dw_min] and slope [units of dw_min per weight unit], each [R, O, I]."""


@dataclass(frozen=True, eq=False)
class StraightLaw(ResponseLaw):
    """Linear responses, by their lines."""

    @abstractmethod
    def lines(self) -> tuple[Line, Line]:
        """Return offset and slope of q₊ and of q₋."""

    @property
    def mult_noise(self) -> bool:
        """Whether the cycle-to-cycle noise shrinks with the pulse."""
        return True

    @property
    def scales(self) -> tuple[Tensor, Tensor]:
        """Up and down scale s± of each device [units of dw_min], to which noise that does not shrink is relative."""
        return self.population.scale_up_ROI, self.population.scale_down_ROI

    def q_plus(self, w_ROI: Tensor) -> Tensor:
        """Return a₊ + k₊ w."""
        (offset_ROI, slope_ROI), _ = self._lines
        return torch.addcmul(offset_ROI, slope_ROI, w_ROI)

    def q_minus(self, w_ROI: Tensor) -> Tensor:
        """Return a₋ + k₋ w."""
        _, (offset_ROI, slope_ROI) = self._lines
        return torch.addcmul(offset_ROI, slope_ROI, w_ROI)

    def f_and_g(self, w_ROI: Tensor) -> tuple[Tensor, Tensor]:
        """Return F and G, each as one offset and slope instead of through q±."""
        (f0_ROI, f1_ROI), (g0_ROI, g1_ROI) = self._split
        return torch.addcmul(f0_ROI, f1_ROI, w_ROI), torch.addcmul(g0_ROI, g1_ROI, w_ROI)

    def cycle_noise(self, w_ROI: Tensor, up_ROI: Tensor) -> Tensor:
        """Return σ_c |q±| or σ_c s±."""
        if self.mult_noise:
            return super().cycle_noise(w_ROI, up_ROI)
        return self.spec.dw_min_std * torch.where(up_ROI, *self.scales)

    @cached_property
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops."""
        sigma = self.spec.dw_min_std if self.mult_noise else 0.0
        return DeviceTable(LINEAR, self.columns, sigma, write_noise=self.write_noise)

    def columns(self) -> Sequence[Tensor]:
        """Return both lines, bounds, and the noise that does not shrink with the pulse."""
        dw_min, none_ROI = self.spec.dw_min, self.same_for_all(0.0)
        fixed = dw_min * self.spec.dw_min_std
        noise = (none_ROI, none_ROI) if self.mult_noise else tuple(fixed * scale_ROI for scale_ROI in self.scales)
        lines = (dw_min * part_ROI for line in self.lines() for part_ROI in line)
        return *lines, self.lower_ROI, self.upper_ROI, *noise

    @cached_property
    def _lines(self) -> tuple[Line, Line]:
        return self.lines()

    @cached_property
    def _split(self) -> tuple[Line, Line]:
        (up0_ROI, up1_ROI), (down0_ROI, down1_ROI) = self.lines()
        return (
            ((down0_ROI + up0_ROI) / 2, (down1_ROI + up1_ROI) / 2),
            ((down0_ROI - up0_ROI) / 2, (down1_ROI - up1_ROI) / 2),
        )


def towards(scale_ROI: Tensor, bound_ROI: Tensor, reference_ROI: Tensor | float = 0.0) -> Line:
    """Return the line scale (1 − (w + reference)/bound), which ends at a bound; without slope where the bound is 0."""
    slope_ROI = torch.where(bound_ROI == 0, 0.0, -scale_ROI / bound_ROI)
    return scale_ROI + slope_ROI * reference_ROI, slope_ROI
