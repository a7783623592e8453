"""The devices of one array as they were made: drawn once, fixed for the life of the array.

The law is that of AIHWKit's ``PulsedDevice`` with ``enforce_consistency=True``; N are independent standard normal
numbers, one set for each cross point, m± = centre ± τ::

    a = m₊ (1 + w_max_dtod N)     w_max =  |max(a, b)|      gain = 1 + dw_min_dtod N,   r = up_down_dtod N
    b = m₋ (1 + w_min_dtod N)     w_min = −|min(a, b)|      scale_up   = |gain + min(up_down, 0) + r|
                                                            scale_down = |gain − max(up_down, 0) − r|

Axes: R replica, O out (row of the array), I in (column).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from analogcli.spec import PulsedDevice


@dataclass(frozen=True, eq=False)
class Population:
    """The devices of R arrays."""

    scale_up_ROI: Tensor
    """Up pulse of each device at w = 0 [units of dw_min]."""
    scale_down_ROI: Tensor
    """Down pulse of each device at w = 0 [units of dw_min]."""
    w_max_ROI: Tensor
    """Upper saturation point of each device [weight units]."""
    w_min_ROI: Tensor
    """Lower saturation point of each device [weight units]."""

    @classmethod
    def draw(cls, spec: PulsedDevice, shape_OI: tuple[int, int], generator: torch.Generator) -> "Population":
        """Draw the devices of one array [1, O, I] from ``generator``, on the generator's device."""
        n_gain, n_up_down, n_max, n_min = torch.randn((4, 1, *shape_OI), generator=generator, device=generator.device)
        gain_ROI = 1 + spec.dw_min_dtod * n_gain
        up_down_ROI = spec.up_down_dtod * n_up_down
        first_ROI, second_ROI = spec.tau * (1 + spec.w_max_dtod * n_max), -spec.tau * (1 + spec.w_min_dtod * n_min)
        return cls(
            scale_up_ROI=(gain_ROI + min(spec.up_down, 0.0) + up_down_ROI).abs(),
            scale_down_ROI=(gain_ROI - max(spec.up_down, 0.0) - up_down_ROI).abs(),
            w_max_ROI=torch.maximum(first_ROI, second_ROI).abs(),
            w_min_ROI=-torch.minimum(first_ROI, second_ROI).abs(),
        )

    @classmethod
    def stack(cls, parts: "Sequence[Population]") -> "Population":
        """Return the arrays of several populations behind one another along the replica axis."""
        return cls(**{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(cls)})

    def to(self, device: torch.device | str) -> "Population":
        """Return the same devices on another torch device."""
        return Population(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})
