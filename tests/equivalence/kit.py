"""AIHWKit tiles for the comparisons: one array of given devices, and our law on the very same sampled devices."""

from dataclasses import fields
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from analogcli.backends import get
from analogcli.crossbar import LAWS, CrossbarArray, Population, Randomness, ResponseLaw
from analogcli.crossbar.soft_bounds import SoftBoundsLaw
from analogcli.errors import BackendError
from analogcli.spec import Device, Ideal, LinearStep, PowerStep, Pulses, SoftBounds

SHAPE = (6, 8)
SPREAD = {
    "dw_min_std": 0.3, "dw_min_dtod": 0.3, "w_max_dtod": 0.2, "w_min_dtod": 0.2, "up_down": 0.1, "up_down_dtod": 0.05,
}  # fmt: skip
"""Devices of all cases differ, and pulses vary."""
DW_MIN = 0.01
CASES: dict[str, dict[str, Any]] = {
    "ideal": {"kind": "ideal"},
    "constant-step": {"kind": "constant-step"},
    "constant-step, exact": {
        "kind": "constant-step", "dw_min_std": 0, "dw_min_dtod": 0, "up_down": 0, "up_down_dtod": 0, "tau": 5,
    },
    "constant-step, log-normal, corrupt": {
        "kind": "constant-step", "dw_min_dtod_log_normal": True, "corrupt_devices_prob": 0.2,
    },
    "linear-step": {"kind": "linear-step", "gamma_up": 0.4, "gamma_down": 0.7},
    "linear-step, additive noise": {"kind": "linear-step", "gamma_up": 0.4, "gamma_down": 0.7, "mult_noise": False},
    "linear-step, own bounds": {
        "kind": "linear-step", "gamma_up": 0.8, "gamma_down": 0.5, "mean_bound_reference": False,
    },
    "soft-bounds": {"kind": "soft-bounds"},
    "soft-bounds, multiplicative noise": {"kind": "soft-bounds", "mult_noise": True},
    "soft-bounds, zero-shifted": {"kind": "soft-bounds", "subtract_symmetry_point": True, "reference_std": 0.05},
    "soft-bounds, off centre": {"kind": "soft-bounds", "centre": 0.2, "slope_up_dtod": 0.1, "slope_down_dtod": 0.1},
    "soft-bounds, write noise": {"kind": "soft-bounds", "write_noise_std": 2.0},
    "exp-step": {"kind": "exp-step"},
    "exp-step, complex noise": {"kind": "exp-step", "dw_min_std_add": 0.02, "dw_min_std_slope": 0.1},
    "pow-step": {"kind": "pow-step", "pow_gamma": 1.5, "pow_up_down": 0.2, "pow_up_down_dtod": 0.1},
    "power 0.5": {"kind": "power", "gamma_res": 0.5},
    "power 2": {"kind": "power", "gamma_res": 2.0, "write_noise_std": 2.0},
    "piecewise": {"kind": "piecewise", "piecewise_up": [1.5, 1.0, 0.2], "piecewise_down": [0.1, 0.8, 1.7]},
}  # fmt: skip
"""Every kind that AIHWKit has, and what differs within a kind."""


def why_not() -> str:
    """Return why AIHWKit cannot be compared with on this machine, or nothing."""
    try:
        get("aihwkit").check()
    except BackendError as exc:
        return str(exc)
    return ""


def pair(case: str, shape: tuple[int, int] = SHAPE, pulses: Pulses | None = None) -> tuple[Any, ResponseLaw]:
    """Return an AIHWKit tile of a case of CASES and our law, one replica, on the very same devices."""
    from analogcli.backends.aihwkit.devices import pulsed_device

    given = CASES[case] if case == "ideal" else {"dw_min": DW_MIN, **SPREAD, **CASES[case]}
    spec = TypeAdapter(Device).validate_python(given)
    device = pulsed_device(spec)
    device.construction_seed = 5
    theirs = tile(shape, device, pulses=pulses)
    return theirs, law_on(theirs, spec)


def law_on(theirs: Any, spec: Any) -> ResponseLaw:
    """Return our law of ``spec`` on the sampled devices of an AIHWKit tile, one replica."""
    if isinstance(spec, Ideal):
        return LAWS["ideal"].draw(spec, tuple(theirs.tile.get_weights().shape), [torch.Generator()])
    law = LAWS[spec.kind]
    made = law(spec, law.made_of(**_hidden(theirs, spec)))
    if isinstance(made, SoftBoundsLaw):
        error_ROI = theirs.get_hidden_parameters()["reference"][None] - made.reference_ROI
        return law(spec, law.made_of(**_hidden(theirs, spec), reference_error_ROI=error_ROI))
    return made


def start(law: ResponseLaw) -> Tensor:
    """Return weights [O, I] anywhere in the inner part of each device's range."""
    low, high = law.lower_ROI[0].clamp_min(-1), law.upper_ROI[0].clamp_max(1)
    w = low + (0.1 + 0.8 * torch.rand(SHAPE, generator=torch.Generator().manual_seed(7))) * (high - low)
    # AIHWKit clips what is written to the bounds of the device itself, also where the zero was shifted.
    return w.clamp(law.population.w_min_ROI[0], law.population.w_max_ROI[0])


def copies(law: ResponseLaw, n: int) -> ResponseLaw:
    """Return the devices of a law with one replica ``n`` times."""
    parts = {f.name: getattr(law.population, f.name) for f in fields(law.population)}
    expanded = {k: None if v is None else v.expand(n, -1, -1).contiguous() for k, v in parts.items()}
    return type(law)(law.spec, type(law.population)(**expanded))


def tile(
    shape_OI: tuple[int, int],
    device: Any,
    *,
    lr: float = 0.01,
    forward: Any = None,
    backward: Any = None,
    pulses: Pulses | None = None,
) -> Any:
    """Return an AIHWKit tile with 0 weights; ``forward`` and ``backward`` are IOParameters, default perfect."""
    from aihwkit.simulator.configs import SingleRPUConfig
    from aihwkit.simulator.parameters.io import IOParameters
    from aihwkit.simulator.tiles.analog import AnalogTile

    from analogcli.backends.aihwkit.parameters import update_parameters

    perfect, update = IOParameters(is_perfect=True), update_parameters(pulses or Pulses())
    config = SingleRPUConfig(device=device, forward=forward or perfect, backward=backward or perfect, update=update)
    made = AnalogTile(*shape_OI, config)
    made.set_learning_rate(lr)
    return made


def population(of: Any, dw_min: float) -> Population:
    """Return the sampled devices of an AIHWKit tile, pulse sizes in units of ``dw_min``."""
    return Population(**_common(of.get_hidden_parameters(), dw_min))


def after_updates(
    of: Any, w_OI: Tensor, x_BI: Tensor, d_BO: Tensor, lr: float, repeats: int, updates: int = 1
) -> Tensor:
    """Return what reads see [repeats, O, I] after updates of the batch, started at ``w_OI`` each time."""
    of.set_learning_rate(lr)
    after = torch.empty(repeats, *w_OI.shape)
    for r in range(repeats):
        of.tile.set_weights(w_OI)
        for _ in range(updates):
            of.tile.update(x_BI, d_BO, False)
        after[r] = of.tile.get_weights()
    return after


def ours_after(
    law: ResponseLaw,
    w_OI: Tensor,
    x_BI: Tensor,
    d_BO: Tensor,
    lr: float,
    repeats: int,
    pulses: Pulses,
    *,
    updates: int = 1,
    lines: bool = False,
) -> Tensor:
    """Return the same [repeats, O, I] of our array; ``lines``: with the samples of a line side by side in memory."""
    array, randomness = CrossbarArray(copies(law, repeats)), Randomness(range(repeats))
    array.set_weights(w_OI.expand(repeats, -1, -1), randomness)
    x_RBI, d_RBO = x_BI.expand(repeats, -1, -1), d_BO.expand(repeats, -1, -1)
    if lines:
        x_RBI = x_RBI.mT.contiguous().mT
    for _ in range(updates):
        array.pulse(x_RBI, d_RBO, lr, pulses, randomness)
    return array.seen_ROI


def _hidden(theirs: Any, spec: Any) -> dict[str, Tensor]:
    hidden = theirs.get_hidden_parameters()
    found = _common(hidden, 2**spec.gamma_res * spec.dw_min if isinstance(spec, PowerStep) else spec.dw_min)
    if spec.lifetime:
        found["keep_ROI"] = hidden["decay_scales"][None]
    if spec.reset_dtod and not isinstance(spec, SoftBounds):
        found["reset_ROI"] = hidden["reset_bias"][None]
    if isinstance(spec, LinearStep):
        own = not spec.mean_bound_reference
        high, low = (hidden["max_bound"], hidden["min_bound"]) if own else (spec.w_max, spec.w_min)
        found["gamma_up_ROI"] = (-hidden["slope_up"] / hidden["dwmin_up"] * high)[None]
        found["gamma_down_ROI"] = (-hidden["slope_down"] / hidden["dwmin_down"] * low)[None]
    if spec.kind == "pow-step":
        found |= {f"{name}_ROI": hidden[name][None] for name in ("gamma_up", "gamma_down")}
    return found


def _common(hidden: dict[str, Tensor], dw_min: float) -> dict[str, Tensor]:
    return {
        "scale_up_ROI": hidden["dwmin_up"][None] / dw_min,
        "scale_down_ROI": hidden["dwmin_down"][None] / dw_min,
        "w_max_ROI": hidden["max_bound"][None],
        "w_min_ROI": hidden["min_bound"][None],
    }
