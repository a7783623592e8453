"""The devices of one array as they were made: drawn once, fixed for the life of the array.

The law is that of AIHWKit's ``PulsedDevice`` with ``enforce_consistency=True``; N are independent standard normal
numbers, one set for each cross point, m± = centre ± τ::

    a = m₊ (1 + w_max_dtod N)     w_max =  |max(a, b)|      gain = 1 + dw_min_dtod N  or exp(dw_min_dtod N)
    b = m₋ (1 + w_min_dtod N)     w_min = −|min(a, b)|      r    = up_down_dtod N
    scale_up = |gain + min(up_down, 0) + r|                 scale_down = |gain − max(up_down, 0) − r|
    keep  = 1 − 1/t, 0 for t ≤ 1                            t    = lifetime (1 + lifetime_dtod N)
    reset = reset + reset_dtod N

Corrupt devices are stuck: w_max = w_min, anywhere within ± corrupt_devices_range, and both scales are 0. What the spec
does not ask for is not drawn and not kept. Kinds whose other parameters vary too extend this class.

Axes: R replica, O out (row of the array), I in (column).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

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
    reset_ROI: Tensor | None = None
    """Weight after a reset [weight units]; None: the spec's for all."""
    keep_ROI: Tensor | None = None
    """What a mini-batch leaves of the distance to the reset value; None: all."""

    @classmethod
    def draw(cls, spec: Any, shape_OI: tuple[int, int], generator: torch.Generator) -> Self:
        """Draw the devices of one array [1, O, I] from ``generator``, on the generator's device."""
        return cls(**cls.drawn(spec, shape_OI, generator))

    @classmethod
    def drawn(cls, spec: Any, shape_OI: tuple[int, int], generator: torch.Generator) -> dict[str, Tensor]:
        """Return the fields of :meth:`draw`; kinds with further parameters add theirs."""
        return _common(spec, shape_OI, generator)

    @classmethod
    def stack(cls, parts: Sequence[Self]) -> Self:
        """Return the arrays of several populations behind one another along the replica axis."""
        return cls(
            **{
                f.name: torch.cat([getattr(p, f.name) for p in parts])
                for f in fields(cls)
                if getattr(parts[0], f.name) is not None
            }
        )

    def to(self, device: torch.device | str) -> Self:
        """Return the same devices on another torch device."""
        parts: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return type(self)(**{name: part.to(device) for name, part in parts.items() if part is not None})


def normal(shape_OI: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return standard normal numbers [1, O, I] on the generator's device."""
    return torch.randn((1, *shape_OI), generator=generator, device=generator.device)


def uniform(shape_OI: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return numbers [1, O, I] between 0 and 1 on the generator's device."""
    return torch.rand((1, *shape_OI), generator=generator, device=generator.device)


def _common(spec: PulsedDevice, shape_OI: tuple[int, int], generator: torch.Generator) -> dict[str, Tensor]:
    n_gain, n_up_down, n_max, n_min = (normal(shape_OI, generator) for _ in range(4))
    gain_ROI = torch.exp(spec.dw_min_dtod * n_gain) if spec.dw_min_dtod_log_normal else 1 + spec.dw_min_dtod * n_gain
    r_ROI = spec.up_down_dtod * n_up_down
    a_ROI, b_ROI = spec.w_max * (1 + spec.w_max_dtod * n_max), spec.w_min * (1 + spec.w_min_dtod * n_min)
    drawn = {
        "scale_up_ROI": (gain_ROI + min(spec.up_down, 0.0) + r_ROI).abs(),
        "scale_down_ROI": (gain_ROI - max(spec.up_down, 0.0) - r_ROI).abs(),
        "w_max_ROI": torch.maximum(a_ROI, b_ROI).abs(),
        "w_min_ROI": -torch.minimum(a_ROI, b_ROI).abs(),
    }
    if spec.corrupt_devices_prob:
        drawn |= _corrupt(spec, drawn, uniform(shape_OI, generator), uniform(shape_OI, generator))
    if spec.reset_dtod:
        drawn["reset_ROI"] = spec.reset + spec.reset_dtod * normal(shape_OI, generator)
    if spec.lifetime:
        n_lifetime = normal(shape_OI, generator) if spec.lifetime_dtod else torch.zeros_like(gain_ROI)
        lifetime_ROI = spec.lifetime * (1 + spec.lifetime_dtod * n_lifetime)
        drawn["keep_ROI"] = torch.where(lifetime_ROI > 1, 1 - 1 / lifetime_ROI, 0.0)
    return drawn


def _corrupt(spec: PulsedDevice, drawn: dict[str, Tensor], hit_ROI: Tensor, place_ROI: Tensor) -> dict[str, Tensor]:
    """Return the bounds and scales with some devices stuck."""
    corrupt_ROI = hit_ROI < spec.corrupt_devices_prob
    low_ROI = drawn["w_min_ROI"].clamp_min(-spec.corrupt_devices_range)
    high_ROI = drawn["w_max_ROI"].clamp_max(spec.corrupt_devices_range)
    stuck_ROI = low_ROI + (high_ROI - low_ROI) * place_ROI
    scales = {name: torch.where(corrupt_ROI, 0.0, drawn[name]) for name in ("scale_up_ROI", "scale_down_ROI")}
    return scales | {name: torch.where(corrupt_ROI, stuck_ROI, drawn[name]) for name in ("w_max_ROI", "w_min_ROI")}
