"""Spec → AIHWKit's ``rpu_config``: one device, several that learn together, digital sums beside a device, inference.

Only what the spec says differs from AIHWKit's defaults. The construction seed of the device population belongs to each
tile and is set where the tiles are made.
"""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from aihwkit.inference.compensation.base import BaseDriftCompensation
from aihwkit.inference.converter.base import BaseConductanceConverter
from aihwkit.inference.noise.base import BaseNoiseModel
from aihwkit.simulator.configs import DigitalRankUpdateRPUConfig, SingleRPUConfig, UnitCellRPUConfig

from analogcli.backends.aihwkit.compounds import mixed_precision, transfer_compound, vector_cell
from analogcli.backends.aihwkit.devices import pulsed_device
from analogcli.backends.aihwkit.inference import inference_config
from analogcli.backends.aihwkit.parameters import io_parameters, mapping_parameter, update_parameters
from analogcli.errors import BackendError
from analogcli.spec import AnalogSgd, HardwareAware, MixedPrecision, MultiTileResidual, RunSpec, Vector
from analogcli.spec.transfer import Transfer


def rpu_config(spec: RunSpec) -> Any:
    """Return the configuration of every tile of the network; a spec for AIHWKit asks for nothing that it lacks."""
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
        case Vector() as algorithm:
            return UnitCellRPUConfig(device=vector_cell(algorithm, spec.device), **around)
        case MixedPrecision() as algorithm:
            return DigitalRankUpdateRPUConfig(device=mixed_precision(algorithm, spec.device), **around)
        case HardwareAware() as algorithm:
            del around["update"]  # no pulses
            return inference_config(algorithm, **around)
        case Transfer() | MultiTileResidual() as algorithm:
            return UnitCellRPUConfig(device=transfer_compound(algorithm, spec.device), **around)
    raise BackendError(f"backend aihwkit does not have the algorithm {spec.algorithm.kind}")


def as_data(value: Any) -> Any:
    """Return a configuration as plain data with class names, for the record of a run."""
    if is_dataclass(value) and not isinstance(value, type):
        # runtime and class fields say how AIHWKit works, not what it computes.
        left_out = ("runtime", "tile_class", "tile_array_class")
        parts = {f.name: as_data(getattr(value, f.name)) for f in fields(value) if f.name not in left_out}
        return {"class": type(value).__name__, **parts}
    if isinstance(value, BaseNoiseModel | BaseDriftCompensation | BaseConductanceConverter):
        return {"class": type(value).__name__, **{name: as_data(part) for name, part in vars(value).items()}}
    if isinstance(value, Enum):
        return value.value
    return [as_data(item) for item in value] if isinstance(value, list) else value
