"""Piecewise-linear responses: values at equidistant weights from one bound of a device to the other.

::

    q±(w) = s± v±(u)        u = (w − w_min)/(w_max − w_min)        v± linear between its nodes

Every device stretches the nodes to its own bounds. What measured or computed curves become (see :mod:`.custom`).

AIHWKit twin: ``PiecewiseStepDevice``; its granularity is the up value in the middle of the list.

Axes: R replica, O out, I in; nodes_2N: up and down, nodes.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.power import place
from analogcli.crossbar.table import PIECEWISE, DeviceTable
from analogcli.spec import PiecewiseStep


@dataclass(frozen=True, eq=False)
class NodesLaw(ResponseLaw):
    """Responses by their nodes."""

    @property
    @abstractmethod
    def nodes_2N(self) -> NDArray[np.float32]:
        """Up and down responses of the mean device at equidistant weights [units of dw_min]."""

    def q_plus(self, w_ROI: Tensor) -> Tensor:
        """Return s₊ v₊(u)."""
        return self.population.scale_up_ROI * self._value(0, w_ROI)

    def q_minus(self, w_ROI: Tensor) -> Tensor:
        """Return s₋ v₋(u)."""
        return self.population.scale_down_ROI * self._value(1, w_ROI)

    @cached_property
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops."""
        sigma, nodes = self.spec.dw_min_std, self.nodes_2N
        return DeviceTable(PIECEWISE, self.columns, sigma, write_noise=self.write_noise, nodes=nodes)

    def columns(self) -> Sequence[Tensor]:
        """Return pulses of response 1, and bounds."""
        p, dw_min, none_ROI = self.population, self.spec.dw_min, self.same_for_all(0.0)
        up_and_down = (dw_min * p.scale_up_ROI, none_ROI, dw_min * p.scale_down_ROI, none_ROI)
        return *up_and_down, p.w_min_ROI, p.w_max_ROI, none_ROI, none_ROI

    def _value(self, direction: int, w_ROI: Tensor) -> Tensor:
        p = self.population
        node_N = torch.from_numpy(self.nodes_2N[direction]).to(w_ROI)
        place_ROI = place(w_ROI - p.w_min_ROI, p.w_max_ROI - p.w_min_ROI).clamp(0, 1) * (len(node_N) - 1)
        cell_ROI = place_ROI.long().clamp_max(len(node_N) - 2)
        return torch.lerp(node_N[cell_ROI], node_N[cell_ROI + 1], place_ROI - cell_ROI)


@dataclass(frozen=True, eq=False)
class PiecewiseLaw(NodesLaw):
    """Responses with given nodes."""

    spec: PiecewiseStep

    @property
    def granularity(self) -> float:
        """Up pulse of the mean device in the middle of the range [weight units]."""
        return self.spec.dw_min * self.spec.piecewise_up[len(self.spec.piecewise_up) // 2]

    @cached_property
    def nodes_2N(self) -> NDArray[np.float32]:
        """The values of the spec."""
        return np.array([self.spec.piecewise_up, self.spec.piecewise_down], np.float32)
