"""What the loops of training are told and what they tell: positions, stops, and things to be written down.

Axes: R replica (model), S mini-batches of an epoch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analogcli.store import EpochRecord

PROGRESS_EVERY_S = 0.2
"""How often a loop tells how far it is [s]."""


@dataclass(frozen=True)
class Position:
    """How far a group has come: complete epochs, mini-batches of the next one, and what these gave."""

    epoch: int
    step: int
    loss_RS: Tensor
    """Losses of the mini-batches done in the running epoch, on the CPU."""
    seconds: float
    """Each model's share of the time spent in the running epoch so far."""

    @classmethod
    def after(cls, epoch: int, models: int) -> "Position":
        """Return the position after ``epoch`` complete epochs; −1: before anything was done, epoch 0 is a test."""
        return cls(epoch, 0, torch.zeros(models, 0), 0.0)

    def as_tensors(self) -> list[dict[str, Tensor]]:
        """Return the position as tensors for the checkpoint of each model."""
        numbers = torch.tensor([self.epoch, self.step], dtype=torch.int64)
        seconds = torch.tensor(self.seconds, dtype=torch.float64)
        return [
            {"progress/position": numbers, "progress/loss_S": loss_S, "progress/seconds": seconds}
            for loss_S in self.loss_RS
        ]

    @classmethod
    def from_tensors(cls, checkpoints: Sequence[dict[str, Tensor]]) -> "Position":
        """Read the position back from the checkpoints of models that stand at the same one."""
        epoch, step = (int(n) for n in checkpoints[0]["progress/position"])
        loss_RS = torch.stack([tensors["progress/loss_S"] for tensors in checkpoints])
        return cls(epoch, step, loss_RS, float(checkpoints[0]["progress/seconds"]))


@dataclass(frozen=True)
class Watch:
    """What the loop tells while it runs, and what it is told."""

    on_step: Callable[[int, int, int], None]
    """epoch, mini-batches done, mini-batches of the epoch."""
    stop_asked: Callable[[], bool]
    checkpoint_due: Callable[[], bool]


@dataclass(frozen=True)
class Saved:
    """The loop is in the middle of an epoch and wants its state saved; ``stopping``: it will not go on."""

    position: Position
    stopping: bool


@dataclass(frozen=True)
class EpochDone:
    """An epoch is complete: a record for each model, the losses of its mini-batches, and the position after it."""

    records: list[EpochRecord]
    loss_RS: Tensor
    position: Position
