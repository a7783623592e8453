"""How the weights learn: plain SGD in floating point, or one of the analog training algorithms."""

from typing import Annotated, Literal

from pydantic import Field

from analogcli.spec.base import Spec
from analogcli.spec.periphery import TransferRead
from analogcli.spec.update import Pulses


class FpSgd(Spec):
    """Floating-point SGD (papers: Digital SGD, scripts: FP SGD and FP SGDM)."""

    kind: Literal["fp-sgd"] = "fp-sgd"
    momentum: float = Field(0.0, ge=0, lt=1)
    """Momentum in torch's form, m ← μ m + g, w ← w − lr m."""


class AnalogSgd(Spec):
    """Analog SGD: the gradient is applied to the array by pulses (P24 eq 5, AIHWKit: SingleRPUConfig)."""

    kind: Literal["analog-sgd"] = "analog-sgd"


class TikiTakaV1(Spec):
    """Tiki-Taka v1: gradient onto a fast array whose columns are transferred to a slow one (AIHWKit: TransferCompound).

    The residual learning v1 of the 2025 paper is this algorithm with gamma > 0.
    """

    kind: Literal["tt-v1"] = "tt-v1"
    gamma: float = Field(0.0, ge=0)
    """Weight of the fast array in the visible weight, W = gamma·A + C."""
    fast_lr: float = Field(1.0, ge=0)
    """Learning rate of the gradient onto the fast array, absolute; 0: the optimizer's.

    The papers call it β (2024) and α (2025)."""
    transfer_lr: float = Field(1.0, gt=0)
    """Learning rate of the transfer."""
    scale_transfer_lr: bool = True
    """Multiply transfer_lr by the optimizer's learning rate."""
    transfer_every: float = Field(1.0, gt=0)
    """Period of the transfer [mini-batches if units_in_mbatch, else vectors]."""
    units_in_mbatch: bool = True
    """Count the period in mini-batches."""
    n_reads_per_transfer: int = Field(1, ge=1)
    """Columns read per transfer; the cursor moves on cyclically."""
    transfer_read: TransferRead = TransferRead()
    """Periphery of the read of the fast array."""
    transfer_update: Pulses = Pulses()
    """Pulses of the write onto the slow array."""


Algorithm = Annotated[FpSgd | AnalogSgd | TikiTakaV1, Field(discriminator="kind")]
