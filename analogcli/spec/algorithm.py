"""How the weights learn: plain SGD in floating point, or one of the analog training algorithms."""

from typing import Annotated, Literal

from pydantic import Field

from analogcli.spec.base import Spec
from analogcli.spec.double_device import DoubleDevice
from analogcli.spec.hardware_aware import HardwareAware
from analogcli.spec.residual import MultiTileResidual, ResidualLearningV1, ResidualLearningV2
from analogcli.spec.transfer import Agad, BufferedTikiTaka, ChoppedTikiTaka, TikiTakaV1, TikiTakaV2Chopped
from analogcli.spec.vector import Vector


class FpSgd(Spec):
    """Floating-point SGD (papers: Digital SGD, scripts: FP SGD and FP SGDM)."""

    kind: Literal["fp-sgd"] = "fp-sgd"
    momentum: float = Field(0.0, ge=0, lt=1)
    """Momentum in torch's form, m ← μ m + g, w ← w − lr m."""


class AnalogSgd(Spec):
    """Analog SGD: the gradient is applied to the array by pulses (P24 eq 5, AIHWKit: SingleRPUConfig)."""

    kind: Literal["analog-sgd"] = "analog-sgd"


class MixedPrecision(Spec):
    """Mixed precision: an exact digital sum of gradients, written in whole pulses (AIHWKit: MixedPrecisionCompound)."""

    kind: Literal["mp"] = "mp"
    transfer_every: int = Field(1, ge=1)
    """Period of the write [mini-batches]."""
    granularity: float = Field(0.0, ge=0)
    """Size of the sum that asks for one pulse [weight units]; 0: the device's granularity."""
    transfer_lr: float = Field(1.0, gt=0)
    """Pulses written for each whole granularity of the sum."""


Algorithm = Annotated[
    FpSgd
    | AnalogSgd
    | Vector
    | TikiTakaV1
    | BufferedTikiTaka
    | TikiTakaV2Chopped
    | ChoppedTikiTaka
    | Agad
    | MixedPrecision
    | ResidualLearningV1
    | ResidualLearningV2
    | MultiTileResidual
    | HardwareAware
    | DoubleDevice,
    Field(discriminator="kind"),
]
WITHOUT_ANALOG_PARTS = ("fp-sgd", "double-device")
"""Algorithms that train no crossbar arrays."""
