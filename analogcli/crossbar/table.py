"""A device law as numbers, for loops that cannot call its tensor formulas.

Eight numbers a device, half a cache line, in the order of the columns below; a pulse moves the weight by ::

    LINEAR        up   + (UP + SLOPE_UP w)                            down  − (DOWN + SLOPE_DOWN w)
    POWER         up   + UP ((HI − w)/(HI − LO))^SLOPE_UP             down  − DOWN ((w − LO)/(HI − LO))^SLOPE_DOWN
    EXPONENTIAL   up   + UP expm1(SLOPE_UP − SLOPE_UP w/HI)           down  − DOWN expm1(SLOPE_DOWN − SLOPE_DOWN w/LO)
    EXP_STEP      up   + UP max(1 − c₀ exp(c₁ z), 0)                  down  − DOWN max(1 − c₂ exp(−c₃ z), 0)
                  with z = c₄ w/(HI − LO) + c₅
    PIECEWISE     up   + UP nodes₀((w − LO)/(HI − LO))                down  − DOWN nodes₁((w − LO)/(HI − LO))
                  linear between equidistant nodes

and is then clipped to [LO, HI]; a device with LO = HI is corrupt and takes no pulses. All in weight units. The
cycle-to-cycle noise of a pulse of size s is a normal number of std ``sigma`` s + NOISE_UP (or NOISE_DOWN) +
``sigma_slope`` |w|. The weights that reads see differ from the state w by a normal number of std ``write_noise``, drawn
anew whenever a device is pulsed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LINEAR, POWER, EXPONENTIAL, EXP_STEP, PIECEWISE = range(5)
"""Formulas of the compiled loops."""

UP, SLOPE_UP, DOWN, SLOPE_DOWN, LO, HI, NOISE_UP, NOISE_DOWN = range(8)
"""Columns of a device."""

_NONE = np.zeros(6, np.float32)
_NO_NODES = np.zeros((2, 2), np.float32)


@dataclass(frozen=True, eq=False)
class DeviceTable:
    """Which formula, and what its devices are."""

    formula: int
    """LINEAR, POWER, EXPONENTIAL, EXP_STEP or PIECEWISE."""
    columns: Callable[[], Sequence[Tensor]]
    """Makes the eight numbers of every device, each [R, O, I]; they are not kept beside :attr:`devices_ROIP`."""
    sigma: float = 0.0
    """Cycle-to-cycle noise as a fraction of the pulse."""
    sigma_slope: float = 0.0
    """Cycle-to-cycle noise for each unit of |w| [weight units]."""
    write_noise: float = 0.0
    """Std of what reads see around the state [weight units]."""
    constants: NDArray[np.float32] = field(default_factory=lambda: _NONE)
    """c₀ … c₅ of EXP_STEP."""
    nodes: NDArray[np.float32] = field(default_factory=lambda: _NO_NODES)
    """Responses of PIECEWISE at equidistant points, [up and down, points]."""

    @cached_property
    def noise(self) -> NDArray[np.float32]:
        """``sigma``, ``sigma_slope`` and ``write_noise`` for the compiled loops."""
        return np.array([self.sigma, self.sigma_slope, self.write_noise], np.float32)

    @cached_property
    def devices_ROIP(self) -> NDArray[np.float32]:
        """The eight numbers of a device side by side: a pulse touches one cache line."""
        return torch.stack(list(self.columns()), dim=-1).to("cpu", torch.float32).contiguous().numpy()
