"""Residual learning: every array learns what those before it could not hold."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from analogcli.spec.base import Spec
from analogcli.spec.periphery import TransferRead
from analogcli.spec.transfer import SinglePulse, Transfer
from analogcli.spec.update import TransferPulses


class ResidualLearningV1(Transfer):
    """Residual learning v1: Tiki-Taka v1 whose fast array is part of the weight (P25 eq 9-11)."""

    kind: Literal["rl-v1"] = "rl-v1"
    gamma: float = Field(0.4, gt=0)
    """Weight of the fast array in the visible weight, W = gamma·A + C."""
    n_reads_per_transfer: int = Field(1, ge=1)
    """Columns read per transfer; the cursor moves on cyclically."""


class ResidualLearningV2(Transfer):
    """Residual learning v2: a leaky buffer that fires single pulses between the arrays (P25 eq 14-15).

    The scripts set it up as AIHWKit's ChoppedTransferCompound with a private option, buffer_as_momentum.
    """

    kind: Literal["rl-v2"] = "rl-v2"
    gamma: float = Field(0.4, gt=0)
    """Weight of the fast array in the visible weight, W = gamma·A + C."""
    scale_fast_lr: bool = True
    """Multiply fast_lr by the optimizer's learning rate."""
    transfer_lr: float = Field(0.1, gt=0)
    """Learning rate of the transfer."""
    scale_transfer_lr: bool = False
    """Multiply transfer_lr by the optimizer's learning rate."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """What the buffer keeps of its old value at a read (papers: 1 − β)."""
    buffer_granularity: float = Field(1.0, gt=0)
    """Threshold of the buffer [granularities of the fast array]."""
    auto_granularity: float = Field(0.0, ge=0)
    """0: off; else the threshold is also multiplied by auto_granularity/(columns·transfer_every)."""
    transfer_update: SinglePulse = SinglePulse()
    """Pulses of the write onto the slow array."""


WarmStart = Literal["off", "paper", "code-mnist", "code-cifar"]


class MultiTileResidual(Spec):
    """Multi-tile residual learning (arXiv 2510.02516, scripts: ResL; AIHWKit: TransferCompound of n devices).

    Tiles are counted as in AIHWKit: 0 is the fine one that takes the gradient, the last one has weight 1. The paper
    counts the other way round.
    """

    kind: Literal["resl"] = "resl"
    tiles: int = Field(4, ge=2)
    """Number of arrays (papers: N + 1)."""
    gamma: float = Field(0.5, gt=0, lt=1)
    """Weight of a tile relative to the next coarser one: tile i has gamma^(tiles − 1 − i)."""
    gamma_vec: tuple[float, ...] = ()
    """Weight of every tile in the visible weight, from tile 0; empty: geometric, from gamma."""
    fast_lr: float = Field(1.0, ge=0)
    """Learning rate of the gradient onto tile 0, absolute; 0: the optimizer's."""
    transfer_lr: float = Field(0.1, gt=0)
    """Learning rate of the transfer; from tile i it is transfer_lr·transfer_lr_ratio^(tiles − 1 − i)."""
    transfer_lr_ratio: float = Field(1.0, gt=0)
    """Learning rate of a transfer relative to that of the next coarser tile."""
    transfer_lr_vec: tuple[float, ...] = ()
    """Learning rate of the transfer from every tile but the last; empty: geometric."""
    scale_transfer_lr: bool = False
    """Multiply the learning rates of the transfers by the optimizer's."""
    transfer_every: float = Field(2.0, gt=0)
    """Period of the transfer from tile 0 [mini-batches if units_in_mbatch, else vectors]."""
    transfer_every_ratio: float = Field(5.0, ge=1)
    """Period of a tile relative to the next finer one: from tile i it is transfer_every·ratio^i."""
    units_in_mbatch: bool = True
    """Count the periods in mini-batches."""
    n_reads_per_transfer: int = Field(1, ge=1)
    """Columns read per transfer; the cursor of each tile moves on cyclically."""
    warm_start: WarmStart = "paper"
    """How the coarse tiles are filled before the cascade starts, and when the loss counts as a plateau.

    off: the cascade starts at once; paper: algorithm 1 of the paper; code-mnist, code-cifar: the released scripts,
    with their thresholds, their period, and a history that is cleared after every plateau."""
    transfer_read: TransferRead = TransferRead()
    """Periphery of the read of a tile."""
    transfer_update: TransferPulses = TransferPulses()
    """Pulses of the write onto the next tile."""

    @field_validator("warm_start", mode="before")
    @classmethod
    def _on_is_the_papers(cls, given: Any) -> Any:
        # YAML reads on and off as true and false.
        return {"True": "paper", "on": "paper", "False": "off"}.get(str(given), given)

    @model_validator(mode="after")
    def _vectors_fit_the_tiles(self) -> Self:
        for name, length in (("gamma_vec", self.tiles), ("transfer_lr_vec", self.tiles - 1)):
            values: tuple[float, ...] = getattr(self, name)
            if values and len(values) != length:
                raise ValueError(f"{name} has {len(values)} entries; {self.tiles} tiles need {length}")
            if not all(value > 0 for value in values):
                raise ValueError(f"{name} = {list(values)} is not allowed; all entries must be above 0")
        return self

    @property
    def gammas(self) -> tuple[float, ...]:
        """Weight of every tile in the visible weight, from tile 0."""
        return self.gamma_vec or tuple(self.gamma ** (self.tiles - 1 - i) for i in range(self.tiles))

    @property
    def transfer_lrs(self) -> tuple[float, ...]:
        """Learning rate of the transfer from every tile but the last."""
        last = self.tiles - 1
        return self.transfer_lr_vec or tuple(
            self.transfer_lr * self.transfer_lr_ratio ** (last - i) for i in range(last)
        )

    @property
    def periods(self) -> tuple[float, ...]:
        """Period of the transfer from every tile but the last."""
        return tuple(self.transfer_every * self.transfer_every_ratio**i for i in range(self.tiles - 1))
