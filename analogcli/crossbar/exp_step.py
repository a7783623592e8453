"""Exponential step: pulses that fall off exponentially in a scaled weight z, fitted to measured ReRAM and PCM devices.

::

    q₊(w) = s₊ max(1 − A₊ e^{γ₊ z}, 0)        q₋(w) = s₋ max(1 − A₋ e^{−γ₋ z}, 0)        z = 2 a w/R + b
    noise of a pulse  σ_c (|pulse| + dw_min_std_add + dw_min_std_slope |w|)               R = w_max − w_min

A response need not end at the bound; the bound clips. The granularity is that of the down pulse of the mean device at
w = 0 (AIHWKit means the average of both directions and takes the down pulse twice).

AIHWKit twin: ``ExpStepDevice``, complex noise included.

Axes: R replica, O out, I in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.table import EXP_STEP, DeviceTable
from analogcli.spec import ExpStep


@dataclass(frozen=True, eq=False)
class ExpStepLaw(ResponseLaw):
    """Exponential responses of the concave family."""

    spec: ExpStep

    @property
    def granularity(self) -> float:
        """Size of the down pulse of the mean device at w = 0; dw_min where that is 0 [weight units]."""
        s = self.spec
        down = (1 - max(s.up_down, 0.0)) * max(1 - s.A_down * math.exp(-s.gamma_down * s.b), 0.0)
        return s.dw_min * down if down > 0 else s.dw_min

    def q_plus(self, w_ROI: Tensor) -> Tensor:
        """Return s₊ max(1 − A₊ e^{γ₊ z}, 0)."""
        response_ROI = 1 - self.spec.A_up * torch.exp(self.spec.gamma_up * self._z(w_ROI))
        return self.population.scale_up_ROI * response_ROI.clamp_min(0)

    def q_minus(self, w_ROI: Tensor) -> Tensor:
        """Return s₋ max(1 − A₋ e^{−γ₋ z}, 0)."""
        response_ROI = 1 - self.spec.A_down * torch.exp(-self.spec.gamma_down * self._z(w_ROI))
        return self.population.scale_down_ROI * response_ROI.clamp_min(0)

    def cycle_noise(self, w_ROI: Tensor, up_ROI: Tensor) -> Tensor:
        """Return σ_c (q± + (dw_min_std_add + dw_min_std_slope |w|)/dw_min)."""
        s = self.spec
        further_ROI = s.dw_min_std * (s.dw_min_std_add + s.dw_min_std_slope * w_ROI.abs()) / s.dw_min
        return super().cycle_noise(w_ROI, up_ROI) + further_ROI

    @cached_property
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops."""
        s = self.spec
        constants = np.array([s.A_up, s.gamma_up, s.A_down, s.gamma_down, 2 * s.a, s.b], np.float32)
        slope = s.dw_min_std * s.dw_min_std_slope
        return DeviceTable(EXP_STEP, self.columns, s.dw_min_std, slope, self.write_noise, constants)

    def columns(self) -> Sequence[Tensor]:
        """Return pulses without their decline, bounds and the noise besides that of the pulse."""
        p, s = self.population, self.spec
        none_ROI, noise_ROI = self.same_for_all(0.0), self.same_for_all(s.dw_min_std * s.dw_min_std_add)
        up_and_down = (s.dw_min * p.scale_up_ROI, none_ROI, s.dw_min * p.scale_down_ROI, none_ROI)
        return *up_and_down, p.w_min_ROI, p.w_max_ROI, noise_ROI, noise_ROI

    def _z(self, w_ROI: Tensor) -> Tensor:
        p = self.population
        range_ROI = p.w_max_ROI - p.w_min_ROI
        # A corrupt device has no range; its scales are 0, whatever z is.
        return torch.where(range_ROI > 0, 2 * self.spec.a * w_ROI / range_ROI, 0.0) + self.spec.b
