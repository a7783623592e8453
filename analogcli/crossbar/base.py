"""What every device law has in common: its population, drawn once, and the split of the responses into F and G.

::

    up pulse:    w ← w + Δw_min q₊(w)          F = (q₋ + q₊)/2   symmetric part
    down pulse:  w ← w − Δw_min q₋(w)          G = (q₋ − q₊)/2   asymmetric part      (P24 eq 7, P25 eq 5)

P24 is arXiv 2406.12774, P25 is arXiv 2502.06309. The population law is that of AIHWKit's ``PulsedDevice`` with
``enforce_consistency=True``; N are independent standard normal numbers, one set for each cross point::

    a = τ (1 + w_max_dtod N)      w_max =  |max(a, b)|      gain = 1 + dw_min_dtod N,   r = up_down_dtod N
    b = −τ (1 + w_min_dtod N)     w_min = −|min(a, b)|      scale_up   = |gain + min(up_down, 0) + r|
                                                            scale_down = |gain − max(up_down, 0) − r|

Axes: O out (row of the array), I in (column).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from analogcli.crossbar.table import DeviceTable
from analogcli.spec import PulsedDevice


@dataclass(frozen=True, eq=False)
class Population:
    """The devices of one array as they were made; fixed for the life of the array."""

    scale_up_OI: Tensor
    """Up pulse of each device at w = 0 [units of dw_min]."""
    scale_down_OI: Tensor
    """Down pulse of each device at w = 0 [units of dw_min]."""
    w_max_OI: Tensor
    """Upper saturation point of each device, > 0 [weight units]."""
    w_min_OI: Tensor
    """Lower saturation point of each device, < 0 [weight units]."""

    def to(self, device: torch.device | str) -> "Population":
        """Return the same devices on another torch device."""
        return Population(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def draw_population(spec: PulsedDevice, shape_OI: tuple[int, int], generator: torch.Generator) -> Population:
    """Draw the devices of an array [O, I] from ``generator``, on the generator's device."""
    n_gain, n_up_down, n_max, n_min = torch.randn((4, *shape_OI), generator=generator, device=generator.device)
    gain_OI = 1 + spec.dw_min_dtod * n_gain
    up_down_OI = spec.up_down_dtod * n_up_down
    first_OI, second_OI = spec.tau * (1 + spec.w_max_dtod * n_max), -spec.tau * (1 + spec.w_min_dtod * n_min)
    return Population(
        scale_up_OI=(gain_OI + min(spec.up_down, 0.0) + up_down_OI).abs(),
        scale_down_OI=(gain_OI - max(spec.up_down, 0.0) - up_down_OI).abs(),
        w_max_OI=torch.maximum(first_OI, second_OI).abs(),
        w_min_OI=-torch.minimum(first_OI, second_OI).abs(),
    )


@dataclass(frozen=True, eq=False)
class ResponseLaw(ABC):
    """The response functions of every cross point of one array.

    Responses are in units of the spec's ``dw_min`` and carry each device's own scale, so that a requested change Δw
    moves an ideal device (q₊ = q₋ = 1) by exactly Δw.
    """

    spec: PulsedDevice
    """Mean parameters of the population."""
    population: Population
    """The devices themselves."""

    @classmethod
    def draw(
        cls, spec: PulsedDevice, shape_OI: tuple[int, int], generator: torch.Generator, device: torch.device | str
    ) -> Self:
        """Draw the devices of an array [O, I] from ``generator`` and place them on ``device``."""
        return cls(spec, draw_population(spec, shape_OI, generator).to(device))

    @abstractmethod
    def q_plus(self, w_OI: Tensor) -> Tensor:
        """Return the response to one up pulse at ``w_OI`` [units of dw_min], 0 at :attr:`upper_OI`."""

    @abstractmethod
    def q_minus(self, w_OI: Tensor) -> Tensor:
        """Return the response to one down pulse at ``w_OI`` [units of dw_min], 0 at :attr:`lower_OI`."""

    @property
    def granularity(self) -> float:
        """Size of one pulse of the mean device at its symmetric point [weight units]."""
        return self.spec.dw_min

    def cycle_noise(self, w_OI: Tensor, up_OI: Tensor) -> Tensor:
        """Return the std of one pulse at ``w_OI`` [units of dw_min]; here a fraction σ_c of the pulse itself."""
        return self.spec.dw_min_std * torch.where(up_OI, self.q_plus(w_OI), self.q_minus(w_OI))

    @cached_property
    def upper_OI(self) -> Tensor:
        """Largest weight of each device [weight units]."""
        return self.population.w_max_OI

    @cached_property
    def lower_OI(self) -> Tensor:
        """Smallest weight of each device [weight units]."""
        return self.population.w_min_OI

    def f_and_g(self, w_OI: Tensor) -> tuple[Tensor, Tensor]:
        """Return the symmetric part F(w) and the asymmetric part G(w)."""
        up_OI, down_OI = self.q_plus(w_OI), self.q_minus(w_OI)
        return (down_OI + up_OI) / 2, (down_OI - up_OI) / 2

    @property
    def table(self) -> DeviceTable | None:
        """The law as numbers for the compiled loops, or None where it is known by its tensor formulas only."""
        return None

    def clip(self, w_OI: Tensor) -> Tensor:
        """Return ``w_OI`` inside the bounds of each device."""
        return torch.clamp(w_OI, self.lower_OI, self.upper_OI)
