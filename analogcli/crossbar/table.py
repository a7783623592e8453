"""A device law as numbers, for loops that cannot call its tensor formulas.

Axes: O out, I in, P parameter of a device: scale of up and of down pulses, lower and upper bound.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SOFT_BOUNDS, POWER, EXPONENTIAL = 0, 1, 2


@dataclass(frozen=True, eq=False)
class DeviceTable:
    """Which formula, and what its devices are; pulses in units of ``dw_min``.

    A pulse towards the bound ``a``, away from ``b``, from the state v, on a device of scale s is ::

        SOFT_BOUNDS   s (1 − v/a)
        POWER         s (2 (a − v)/(a − b))^shape
        EXPONENTIAL   s (e^{shape (1 − v/a)} − 1)/(e^shape − 1)
    """

    formula: int
    shape: float
    """γ_res of POWER and EXPONENTIAL."""
    sigma: float
    """Cycle-to-cycle noise of a pulse."""
    noise_is_relative: bool
    """Whether sigma is a fraction of the pulse, or of the scale s whatever the pulse."""
    scale_up_OI: Tensor
    scale_down_OI: Tensor
    w_min_OI: Tensor
    w_max_OI: Tensor
    reference_OI: Tensor | None = None
    """What is subtracted from the state v to give the weight; None: nothing."""

    @cached_property
    def devices_OIP(self) -> NDArray[np.float32]:
        """The four numbers of a device side by side: a pulse touches one cache line."""
        columns = (self.scale_up_OI, self.scale_down_OI, self.w_min_OI, self.w_max_OI)
        return torch.stack(columns, dim=-1).to("cpu", torch.float32).contiguous().numpy()

    @cached_property
    def references_OI(self) -> NDArray[np.float32]:
        """The references, [0, 0] where there are none."""
        if self.reference_OI is None:
            return np.empty((0, 0), np.float32)
        return self.reference_OI.to("cpu", torch.float32).contiguous().numpy()
