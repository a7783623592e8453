"""What a run is: validated, frozen, hashable values. Imports neither torch nor a database."""

from analogcli.spec.algorithm import WITHOUT_ANALOG_PARTS, Algorithm, AnalogSgd, FpSgd, MixedPrecision
from analogcli.spec.augment import Augment
from analogcli.spec.build import build, load_yaml, merge, nested, parse_assignment, parse_value
from analogcli.spec.device import PulsedDevice
from analogcli.spec.devices import (
    ConstantStep,
    CustomStep,
    Device,
    ExponentialStep,
    ExpStep,
    Ideal,
    Linear,
    LinearStep,
    PiecewiseStep,
    PowerStep,
    PowStep,
    SoftBounds,
)
from analogcli.spec.double_device import DoubleDevice
from analogcli.spec.hardware_aware import HardwareAware, PcmInference, WeightClip, WeightModifier
from analogcli.spec.least_squares import ConstantStart, DigitalStart, LeastSquaresTask, RandomStart
from analogcli.spec.mapping import Mapping
from analogcli.spec.periphery import IO, BackwardRead, Periphery, TransferRead
from analogcli.spec.residual import MultiTileResidual, ResidualLearningV1, ResidualLearningV2
from analogcli.spec.run import (
    ANALOG_PARTS,
    LABELS,
    ExecutionOptions,
    RunSpec,
    canonical_json,
    digest,
)
from analogcli.spec.support import BACKENDS, BackendName
from analogcli.spec.task import (
    BatchNormFcnModel,
    ClassificationTask,
    ConstantLR,
    FcnModel,
    LeNet5Model,
    MlpModel,
    Model,
    RegressionTask,
    ResNetModel,
    StepLR,
    TorchvisionModel,
)
from analogcli.spec.tasks import Task
from analogcli.spec.transfer import Agad, BufferedTikiTaka, ChoppedTikiTaka, TikiTakaV1, TikiTakaV2Chopped, Transfer
from analogcli.spec.update import Pulses, TransferPulses, Update
from analogcli.spec.vector import Vector

__all__ = [
    "ANALOG_PARTS",
    "BACKENDS",
    "IO",
    "LABELS",
    "WITHOUT_ANALOG_PARTS",
    "Agad",
    "Algorithm",
    "AnalogSgd",
    "Augment",
    "BackendName",
    "BackwardRead",
    "BatchNormFcnModel",
    "BufferedTikiTaka",
    "ChoppedTikiTaka",
    "ClassificationTask",
    "ConstantLR",
    "ConstantStart",
    "ConstantStep",
    "CustomStep",
    "Device",
    "DigitalStart",
    "DoubleDevice",
    "ExecutionOptions",
    "ExpStep",
    "ExponentialStep",
    "FcnModel",
    "FpSgd",
    "HardwareAware",
    "Ideal",
    "LeNet5Model",
    "LeastSquaresTask",
    "Linear",
    "LinearStep",
    "Mapping",
    "MixedPrecision",
    "MlpModel",
    "Model",
    "MultiTileResidual",
    "PcmInference",
    "Periphery",
    "PiecewiseStep",
    "PowStep",
    "PowerStep",
    "PulsedDevice",
    "Pulses",
    "RandomStart",
    "RegressionTask",
    "ResNetModel",
    "ResidualLearningV1",
    "ResidualLearningV2",
    "RunSpec",
    "SoftBounds",
    "StepLR",
    "Task",
    "TikiTakaV1",
    "TikiTakaV2Chopped",
    "TorchvisionModel",
    "Transfer",
    "TransferPulses",
    "TransferRead",
    "Update",
    "Vector",
    "WeightClip",
    "WeightModifier",
    "build",
    "canonical_json",
    "digest",
    "load_yaml",
    "merge",
    "nested",
    "parse_assignment",
    "parse_value",
]
