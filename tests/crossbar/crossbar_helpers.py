"""What the tests of the array share: laws by kind, devices without spread, weights anywhere between the bounds."""

from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from analogcli.crossbar import ResponseLaw, draw_devices
from analogcli.spec import Device

TAU = 0.6
EQUAL: dict[str, Any] = {"dw_min_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0}
"""Every device is the mean device, as far as all kinds have a spread."""
SHAPE_OI = (5, 7)
REPLICAS = 2
EXAMPLES: dict[str, dict[str, Any]] = {
    "linear-step": {"gamma_up": 0.4, "gamma_down": 0.7},
    "linear": {"c_lin": 0.3},
    "exp-step": {"A_up": -1.2, "A_down": -0.08, "gamma_up": 5.0, "gamma_down": 5.0, "a": -0.5, "b": -0.5},
    "pow-step": {"pow_gamma": 1.5},
    "power": {"gamma_res": 0.5},
    "exponential": {"gamma_res": 2.0},
    "piecewise": {"piecewise_up": [1.5, 1.0, 0.2], "piecewise_down": [0.1, 0.8, 1.7]},
    "custom": {"law": f"{Path(__file__).with_name('quadratic_device.py')}:Quadratic"},
}
"""Parameters with which a kind shows what it is."""
SOFT = ("soft-bounds", "linear", "pow-step", "power", "exponential", "custom")
"""Kinds whose responses end at the bounds; the others are clipped there."""


def spec_of(kind: str, **fields: Any) -> Any:
    """The spec of ``kind`` with τ = 0.6; its own parameters are those of EXAMPLES."""
    given = {} if kind == "ideal" else {"tau": TAU, **EXAMPLES.get(kind, {}), **fields}
    return TypeAdapter(Device).validate_python({"kind": kind, **given})


def law_of(
    kind: str, shape: tuple[int, int] = SHAPE_OI, seed: int = 0, replicas: int = REPLICAS, **fields: Any
) -> ResponseLaw:
    """R arrays of ``kind`` with τ = 0.6."""
    generators = [torch.Generator().manual_seed(100 * seed + r) for r in range(replicas)]
    return draw_devices(spec_of(kind, **fields), shape, generators)


def within(law: ResponseLaw, seed: int = 1) -> Tensor:
    """Weights anywhere between the bounds, between ±1 where there are none."""
    u = torch.rand(law.upper_ROI.shape, generator=torch.Generator().manual_seed(seed))
    low_ROI, high_ROI = law.lower_ROI.clamp_min(-1), law.upper_ROI.clamp_max(1)
    return low_ROI + u * (high_ROI - low_ROI)
