"""Devices of a spec as AIHWKit's: the parameters have the same names and units wherever both have them.

::

    soft-bounds   SoftBoundsReferenceDevice       power      PowStepDevice with 2^γ_res times the dw_min
    others        the class of the same name      linear, exponential, custom: not in AIHWKit
"""

from typing import Any

from aihwkit.simulator.configs import (
    ConstantStepDevice,
    ExpStepDevice,
    IdealDevice,
    LinearStepDevice,
    PiecewiseStepDevice,
    PowStepDevice,
    SoftBoundsReferenceDevice,
)

from analogcli.spec import Device, Ideal, PowerStep

CLASSES: dict[str, Any] = {
    "ideal": IdealDevice,
    "constant-step": ConstantStepDevice,
    "linear-step": LinearStepDevice,
    "soft-bounds": SoftBoundsReferenceDevice,
    "exp-step": ExpStepDevice,
    "pow-step": PowStepDevice,
    "power": PowStepDevice,
    "piecewise": PiecewiseStepDevice,
}
"""AIHWKit's class for each kind that it has."""
OURS = {"kind", "tau", "centre", "construction_seed"}
"""Fields that AIHWKit writes otherwise; the construction seed belongs to each tile and is set where tiles are made."""


def pulsed_device(device: Device) -> Any:
    """Return the devices at the cross points of one array."""
    if isinstance(device, Ideal):
        return IdealDevice()
    given = device.model_dump(exclude=OURS) | {"w_max": device.w_max, "w_min": device.w_min}
    if isinstance(device, PowerStep):
        # AIHWKit's response is ((w_max - w)/(w_max - w_min))^γ, which is 2^-γ at the symmetric point, not 1; and it
        # would vary γ by 10 % from device to device, which the papers do not.
        gamma = given.pop("gamma_res")
        given |= {"pow_gamma": gamma, "pow_gamma_dtod": 0.0, "dw_min": 2**gamma * device.dw_min}
        given["write_noise_std"] = device.write_noise_std / 2**gamma
    return CLASSES[device.kind](**{k: list(v) if isinstance(v, tuple) else v for k, v in given.items()})
