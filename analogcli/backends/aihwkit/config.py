"""Spec → AIHWKit's ``rpu_config``: analog SGD on one array, Tiki-Taka v1 on a fast and a slow one.

Only what the spec says differs from AIHWKit's defaults. The construction seed of the device population belongs to each
tile and is set where the tiles are made.
"""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from aihwkit.simulator.configs import (
    IOParameters,
    MappingParameter,
    SingleRPUConfig,
    TransferCompound,
    UnitCellRPUConfig,
    UpdateParameters,
)
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType, PulseType, WeightNoiseType

from analogcli.backends.aihwkit.devices import pulsed_device
from analogcli.errors import BackendError
from analogcli.spec import IO, AnalogSgd, Device, Mapping, Pulses, RunSpec, TikiTakaV1

_NOISE_MANAGEMENT = {"abs-max": NoiseManagementType.ABS_MAX, "none": NoiseManagementType.NONE}
_BOUND_MANAGEMENT = {"iterative": BoundManagementType.ITERATIVE, "none": BoundManagementType.NONE}
_PULSE_TYPE = {
    "stochastic-compressed": PulseType.STOCHASTIC_COMPRESSED,
    "mean-count": PulseType.MEAN_COUNT,
    "deterministic": PulseType.DETERMINISTIC_IMPLICIT,
}


def rpu_config(spec: RunSpec) -> Any:
    """Return the configuration of every tile of the network.

    Raises:
        BackendError: AIHWKit does not have what the spec asks for.
    """
    assert spec.device and spec.periphery and spec.update and spec.mapping, "an analog spec has all four parts"
    around: dict[str, Any] = {
        "forward": io_parameters(spec.periphery.forward),
        "backward": io_parameters(spec.periphery.backward),
        "update": update_parameters(spec.update),
        "mapping": mapping_parameter(spec.mapping),
    }
    match spec.algorithm:
        case AnalogSgd():
            return SingleRPUConfig(device=pulsed_device(spec.device), **around)
        case TikiTakaV1() as algorithm:
            return UnitCellRPUConfig(device=transfer_compound(algorithm, spec.device), **around)
    raise BackendError(f"backend aihwkit does not have the algorithm {spec.algorithm.kind}")


def transfer_compound(algorithm: TikiTakaV1, device: Device) -> Any:
    """Return the fast and the slow array with the transfer between them, as ``build_config("ttv1", …)`` does."""
    compound = TransferCompound(
        unit_cell_devices=[pulsed_device(device), pulsed_device(device)],
        gamma=algorithm.gamma,
        fast_lr=algorithm.fast_lr,
        transfer_lr=algorithm.transfer_lr,
        scale_transfer_lr=algorithm.scale_transfer_lr,
        transfer_every=algorithm.transfer_every,
        units_in_mbatch=algorithm.units_in_mbatch,
        n_reads_per_transfer=algorithm.n_reads_per_transfer,
        transfer_forward=io_parameters(algorithm.transfer_read),
        transfer_update=update_parameters(algorithm.transfer_update),
    )
    # From 1.2.0 on AIHWKit multiplies fast_lr by the optimizer's rate unless told not to; before, the field is unknown
    # and setting it is an error. The spec's fast_lr is absolute on both.
    if hasattr(compound, "scale_fast_lr"):
        compound.scale_fast_lr = False
    return compound


def io_parameters(io: IO) -> Any:
    """Return one analog product; AIHWKit counts resolutions as fractions of the full range."""
    return IOParameters(
        is_perfect=io.perfect,
        inp_bound=io.inp_bound,
        inp_res=_resolution(io.inp_steps),
        inp_noise=io.inp_noise,
        out_bound=io.out_bound,
        out_res=_resolution(io.out_steps),
        out_noise=io.out_noise,
        w_noise=io.w_noise,
        w_noise_type=WeightNoiseType.ADDITIVE_CONSTANT if io.w_noise else WeightNoiseType.NONE,
        noise_management=_NOISE_MANAGEMENT[io.noise_management],
        bound_management=_BOUND_MANAGEMENT[io.bound_management],
    )


def update_parameters(pulses: Pulses) -> Any:
    """Return the pulse trains of an update."""
    return UpdateParameters(
        pulse_type=_PULSE_TYPE[pulses.pulse_type],
        desired_bl=pulses.desired_bl,
        update_management=pulses.update_management,
        update_bl_management=pulses.update_bl_management,
    )


def mapping_parameter(mapping: Mapping) -> Any:
    """Return how a layer lies on tiles; the bias stays digital."""
    return MappingParameter(
        max_input_size=mapping.max_input_size,
        max_output_size=mapping.max_output_size,
        learn_out_scaling=mapping.learn_out_scaling,
        weight_scaling_omega=mapping.weight_scaling_omega,
        weight_scaling_columnwise=mapping.weight_scaling_columnwise,
    )


def as_data(value: Any) -> Any:
    """Return a configuration as plain data with class names, for the record of a run."""
    if is_dataclass(value) and not isinstance(value, type):
        # runtime and class fields say how AIHWKit works, not what it computes.
        left_out = ("runtime", "tile_class", "tile_array_class")
        parts = {f.name: as_data(getattr(value, f.name)) for f in fields(value) if f.name not in left_out}
        return {"class": type(value).__name__, **parts}
    if isinstance(value, Enum):
        return value.value
    return [as_data(item) for item in value] if isinstance(value, list) else value


def _resolution(steps: int) -> float:
    return 1.0 / steps if steps else 0.0
