"""Device laws: the state of a device after x depression pulses, and how a pulse count shifts a state.

::

    f(x) from x = 0 (start) down to x = x_max (stop)          shift(w, u) = f(f⁻¹(w) + u)
    linear        f(x) = 2.742 − 0.021 x                      shift = w − 0.021 u
    exponential   f(x) = 0.750 + 1.530 e^(−x/9.741)           shift = 0.750 + (w − 0.750) e^(−u/9.741)

Source: Bernard et al., Nano Lett. 25, 1443 (2025), measured over 27 pulses. A law of one's own is a file with::

    from analogcli.magnetoionic import DeviceLaw

    class MyLaw(DeviceLaw):
        pulses = 40.0

        def f(self, x):
            return 1 / (1 + x / 20)

        def f_inv(self, w):
            return 20 * (1 / w - 1)

``analog run magnetoionic-mnist --set algorithm.law=my_law.py:MyLaw`` uses it.
"""

from typing import ClassVar

import torch
from torch import Tensor

PULSES = 27.0
"""Pulses over which the devices were measured."""


class DeviceLaw:
    """Base of a law: a falling function of the pulse count, its inverse, and the range of counts."""

    pulses: ClassVar[float] = PULSES
    """Largest pulse count x_max."""

    def f(self, x: Tensor) -> Tensor:
        """Return the state after ``x`` pulses [device units]; it falls with x."""
        raise NotImplementedError

    def f_inv(self, w: Tensor) -> Tensor:
        """Return the pulse count that leads to the state ``w``."""
        raise NotImplementedError

    def shift(self, w: Tensor, u: Tensor) -> Tensor:
        """Return the state after ``u`` further pulses; a law with a closed form overrides this."""
        return self.f(self.f_inv(w) + u)

    @property
    def start(self) -> float:
        """State of a fresh device, f(0)."""
        return float(self.f(torch.tensor(0.0, dtype=torch.float64)))

    @property
    def stop(self) -> float:
        """State of a device that is at its rail, f(x_max)."""
        return float(self.f(torch.tensor(self.pulses, dtype=torch.float64)))

    @property
    def span(self) -> float:
        """Largest weight of a pair, start − stop."""
        return self.start - self.stop


class LinearLaw(DeviceLaw):
    """Under the magnetic field: every pulse is worth as much."""

    slope: ClassVar[float] = 0.021
    offset: ClassVar[float] = 2.742

    def f(self, x: Tensor) -> Tensor:
        """Return the state after ``x`` pulses."""
        return self.offset - self.slope * x

    def f_inv(self, w: Tensor) -> Tensor:
        """Return the pulse count of a state."""
        return (self.offset - w) / self.slope

    def shift(self, w: Tensor, u: Tensor) -> Tensor:
        """Return the state after ``u`` further pulses."""
        return w - self.slope * u


class ExponentialLaw(DeviceLaw):
    """Without the field: the first pulses are worth 16 times as much as the last ones."""

    amplitude: ClassVar[float] = 1.530
    asymptote: ClassVar[float] = 0.750
    decay: ClassVar[float] = 9.741

    def f(self, x: Tensor) -> Tensor:
        """Return the state after ``x`` pulses."""
        return self.asymptote + self.amplitude * torch.exp(-x / self.decay)

    def f_inv(self, w: Tensor) -> Tensor:
        """Return the pulse count of a state."""
        return -self.decay * torch.log((w - self.asymptote) / self.amplitude)

    def shift(self, w: Tensor, u: Tensor) -> Tensor:
        """Return the state after ``u`` further pulses."""
        return self.asymptote + (w - self.asymptote) * torch.exp(u / -self.decay)
