"""Ideal devices: every requested change arrives exactly, without pulses, noise or bounds.

::

    W ← W − lr Σ d xᵀ          q₊ = q₋ = 1, F = 1, G = 0

Reads may still go through noisy converters, and nothing is drawn. Where an algorithm counts in pulses (thresholds,
buffers), the granularity is 0.001, AIHWKit's default.

AIHWKit twin: ``IdealDevice``.

Axes: R replica, O out, I in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

from analogcli.crossbar.population import Population
from analogcli.crossbar.straight import Line, StraightLaw
from analogcli.spec import Ideal, PulsedDevice

NO_SPREAD = PulsedDevice(dw_min_std=0, dw_min_dtod=0, w_max_dtod=0, w_min_dtod=0, up_down_dtod=0, reset_std=0)
"""What is left of a pulsed device."""


@dataclass(frozen=True, eq=False)
class IdealLaw(StraightLaw):
    """Responses of 1 everywhere."""

    @classmethod
    def draw(cls, spec: PulsedDevice | Ideal, shape_OI: tuple[int, int], generators: Sequence[torch.Generator]) -> Self:
        """Return R arrays [O, I], one for each generator; nothing is drawn."""
        del spec
        one_ROI = torch.ones((), device=generators[0].device).expand(len(generators), *shape_OI)
        return cls(NO_SPREAD, Population(one_ROI, one_ROI, torch.inf * one_ROI, -torch.inf * one_ROI))

    @property
    def ideal(self) -> bool:
        """Always."""
        return True

    def lines(self) -> tuple[Line, Line]:
        """Return offsets 1, slopes 0."""
        p, none_ROI = self.population, self.same_for_all(0.0)
        return (p.scale_up_ROI, none_ROI), (p.scale_down_ROI, none_ROI)
