"""Power step: the power response in AIHWKit's normalisation, with exponents that differ from device to device.

::

    q₊(w) = s₊ ((w_max − w)/R)^γ₊        γ₊ = |1 + pow_gamma_dtod N + min(pow_up_down, 0) + r| pow_gamma
    q₋(w) = s₋ ((w − w_min)/R)^γ₋        γ₋ = |1 + pow_gamma_dtod N − max(pow_up_down, 0) − r| pow_gamma
                                         r  = pow_up_down_dtod N,  R = w_max − w_min

A pulse is dw_min at the far end of the range and 2^−γ dw_min in its middle, which is the granularity.

AIHWKit twin: ``PowStepDevice``.

Axes: R replica, O out, I in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.population import Population, normal
from analogcli.crossbar.power import place
from analogcli.crossbar.table import POWER, DeviceTable
from analogcli.spec import PowStep


@dataclass(frozen=True, eq=False, kw_only=True)
class PowStepPopulation(Population):
    """Devices whose exponents vary."""

    gamma_up_ROI: Tensor
    """Exponent γ₊ of each device."""
    gamma_down_ROI: Tensor
    """Exponent γ₋ of each device."""

    @classmethod
    def drawn(cls, spec: PowStep, shape_OI: tuple[int, int], generator: torch.Generator) -> dict[str, Tensor]:
        """Add γ±."""
        drawn = super().drawn(spec, shape_OI, generator)
        gain_ROI = torch.ones_like(drawn["scale_up_ROI"])
        if spec.pow_gamma_dtod:
            gain_ROI = 1 + spec.pow_gamma_dtod * normal(shape_OI, generator)
        r_ROI = torch.zeros_like(gain_ROI)
        if spec.pow_up_down_dtod:
            r_ROI = spec.pow_up_down_dtod * normal(shape_OI, generator)
        drawn["gamma_up_ROI"] = (gain_ROI + min(spec.pow_up_down, 0.0) + r_ROI).abs() * spec.pow_gamma
        drawn["gamma_down_ROI"] = (gain_ROI - max(spec.pow_up_down, 0.0) - r_ROI).abs() * spec.pow_gamma
        return drawn


@dataclass(frozen=True, eq=False)
class PowStepLaw(ResponseLaw):
    """Power responses, 1 at the far end of the range."""

    made_of: ClassVar[type[Population]] = PowStepPopulation
    spec: PowStep
    population: PowStepPopulation

    @property
    def granularity(self) -> float:
        """Size of one pulse of the mean device in the middle of its range, 2^−γ dw_min [weight units]."""
        return float(self.spec.dw_min * 0.5**self.spec.pow_gamma)

    def q_plus(self, w_ROI: Tensor) -> Tensor:
        """Return s₊ ((w_max − w)/R)^γ₊; ``w_ROI`` must lie within the bounds."""
        p = self.population
        return p.scale_up_ROI * place(p.w_max_ROI - w_ROI, p.w_max_ROI - p.w_min_ROI) ** p.gamma_up_ROI

    def q_minus(self, w_ROI: Tensor) -> Tensor:
        """Return s₋ ((w − w_min)/R)^γ₋; ``w_ROI`` must lie within the bounds."""
        p = self.population
        return p.scale_down_ROI * place(w_ROI - p.w_min_ROI, p.w_max_ROI - p.w_min_ROI) ** p.gamma_down_ROI

    @cached_property
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops."""
        return DeviceTable(POWER, self.columns, self.spec.dw_min_std, write_noise=self.write_noise)

    def columns(self) -> Sequence[Tensor]:
        """Return pulses at the far end of the range, γ± and bounds."""
        p, dw_min, none_ROI = self.population, self.spec.dw_min, self.same_for_all(0.0)
        up_and_down = (dw_min * p.scale_up_ROI, p.gamma_up_ROI, dw_min * p.scale_down_ROI, p.gamma_down_ROI)
        return *up_and_down, p.w_min_ROI, p.w_max_ROI, none_ROI, none_ROI
