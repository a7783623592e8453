"""What every device law has in common: its population, drawn once, and the split of the responses into F and G.

::

    up pulse:    w ← w + Δw_min q₊(w)          F = (q₋ + q₊)/2   symmetric part
    down pulse:  w ← w − Δw_min q₋(w)          G = (q₋ − q₊)/2   asymmetric part      (P24 eq 7, P25 eq 5)

P24 is arXiv 2406.12774, P25 is arXiv 2502.06309. :mod:`.population` draws the devices.

Axes: R replica (array of another model, or of another group of a convolution), O out (row of the array), I in (column).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import torch
from torch import Tensor

from analogcli.crossbar.population import Population
from analogcli.crossbar.table import DeviceTable
from analogcli.spec import Ideal, PulsedDevice
from analogcli.spec.device import WrittenDevice


@dataclass(frozen=True, eq=False)
class ResponseLaw(ABC):
    """The response functions of every cross point of one array.

    Responses are in units of the spec's ``dw_min`` and carry each device's own scale, so that a requested change Δw
    moves an ideal device (q₊ = q₋ = 1) by exactly Δw.
    """

    made_of: ClassVar[type[Population]] = Population
    """What varies from device to device."""

    spec: PulsedDevice
    """Mean parameters of the population."""
    population: Population
    """The devices themselves."""

    @classmethod
    def draw(cls, spec: PulsedDevice | Ideal, shape_OI: tuple[int, int], generators: Sequence[torch.Generator]) -> Self:
        """Draw R arrays [O, I], one from each generator; :meth:`to` moves them."""
        assert isinstance(spec, PulsedDevice), "ideal devices have nothing to draw"
        return cls(spec, cls.made_of.stack([cls.made_of.draw(spec, shape_OI, g) for g in generators]))

    def to(self, device: torch.device | str) -> Self:
        """Return the same devices on another torch device."""
        return type(self)(self.spec, self.population.to(device))

    @abstractmethod
    def q_plus(self, w_ROI: Tensor) -> Tensor:
        """Return the response to one up pulse at ``w_ROI`` [units of dw_min], 0 at :attr:`upper_ROI`."""

    @abstractmethod
    def q_minus(self, w_ROI: Tensor) -> Tensor:
        """Return the response to one down pulse at ``w_ROI`` [units of dw_min], 0 at :attr:`lower_ROI`."""

    @property
    def ideal(self) -> bool:
        """Whether every requested change arrives exactly, without pulses."""
        return False

    @property
    def is_noisy(self) -> bool:
        """Whether pulses vary from cycle to cycle."""
        return self.spec.dw_min_std > 0

    @property
    def granularity(self) -> float:
        """Size of one pulse of the mean device at its symmetric point [weight units]."""
        return self.spec.dw_min

    def cycle_noise(self, w_ROI: Tensor, up_ROI: Tensor) -> Tensor:
        """Return the std of one pulse at ``w_ROI`` [units of dw_min]; here a fraction σ_c of the pulse itself."""
        return self.spec.dw_min_std * torch.where(up_ROI, self.q_plus(w_ROI), self.q_minus(w_ROI))

    @cached_property
    def upper_ROI(self) -> Tensor:
        """Largest weight of each device [weight units]."""
        return self.population.w_max_ROI

    @cached_property
    def lower_ROI(self) -> Tensor:
        """Smallest weight of each device [weight units]."""
        return self.population.w_min_ROI

    def f_and_g(self, w_ROI: Tensor) -> tuple[Tensor, Tensor]:
        """Return the symmetric part F(w) and the asymmetric part G(w)."""
        up_ROI, down_ROI = self.q_plus(w_ROI), self.q_minus(w_ROI)
        return (down_ROI + up_ROI) / 2, (down_ROI - up_ROI) / 2

    @property
    @abstractmethod
    def table(self) -> DeviceTable:
        """The law as numbers for the compiled loops (see :mod:`.table`)."""

    @abstractmethod
    def columns(self) -> Sequence[Tensor]:
        """Return the eight numbers of every device in the table, each [R, O, I] [weight units]."""

    def same_for_all(self, value: float) -> Tensor:
        """Return ``value`` as [R, O, I] without the memory for it."""
        return self.population.w_max_ROI.new_full((), value).expand_as(self.population.w_max_ROI)

    @property
    def write_noise(self) -> float:
        """Std of what reads see around the state [weight units]."""
        return self.spec.write_noise_std * self.spec.dw_min if isinstance(self.spec, WrittenDevice) else 0.0

    def clip(self, w_ROI: Tensor) -> Tensor:
        """Return ``w_ROI`` inside the bounds of each device."""
        return torch.clamp(w_ROI, self.lower_ROI, self.upper_ROI)
