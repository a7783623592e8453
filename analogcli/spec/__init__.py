"""What a run is: validated, frozen, hashable values. Imports neither torch nor a database."""

from analogcli.spec.algorithm import Algorithm, AnalogSgd, FpSgd, TikiTakaV1
from analogcli.spec.build import build, load_yaml, merge, nested, parse_assignment, parse_value
from analogcli.spec.device import Device, ExponentialStep, PowerStep, PulsedDevice, SoftBounds
from analogcli.spec.mapping import Mapping
from analogcli.spec.periphery import IO, BackwardRead, Periphery, TransferRead
from analogcli.spec.run import ANALOG_PARTS, LABELS, ExecutionOptions, RunSpec, canonical_json
from analogcli.spec.support import BACKENDS, BackendName
from analogcli.spec.task import (
    ClassificationTask,
    ConstantLR,
    FcnModel,
    LeNet5Model,
    Model,
    ResNetModel,
    StepLR,
    Task,
    TorchvisionModel,
)
from analogcli.spec.update import Pulses, Update

__all__ = [
    "ANALOG_PARTS",
    "BACKENDS",
    "IO",
    "LABELS",
    "Algorithm",
    "AnalogSgd",
    "BackendName",
    "BackwardRead",
    "ClassificationTask",
    "ConstantLR",
    "Device",
    "ExecutionOptions",
    "ExponentialStep",
    "FcnModel",
    "FpSgd",
    "LeNet5Model",
    "Mapping",
    "Model",
    "Periphery",
    "PowerStep",
    "PulsedDevice",
    "Pulses",
    "ResNetModel",
    "RunSpec",
    "SoftBounds",
    "StepLR",
    "Task",
    "TikiTakaV1",
    "TorchvisionModel",
    "TransferRead",
    "Update",
    "build",
    "canonical_json",
    "load_yaml",
    "merge",
    "nested",
    "parse_assignment",
    "parse_value",
]
