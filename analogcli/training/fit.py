"""The epoch loop of one model: train, test, record; it can stop after any mini-batch and go on from there, bit for bit.

Axes: B batch, C channel, H, W image, S mini-batches of an epoch.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from analogcli.backends import Trainable
from analogcli.data import DataSet, order, test_batches, train_batches
from analogcli.spec import Task
from analogcli.store import EpochRecord

TEST_BATCH = 1000
PROGRESS_EVERY_S = 0.2


@dataclass(frozen=True)
class Position:
    """How far a model has come: complete epochs, mini-batches of the next one, and what these gave."""

    epoch: int
    step: int
    loss_S: Tensor
    """Losses of the mini-batches done in the running epoch."""
    seconds: float
    """Time spent in the running epoch so far."""

    @classmethod
    def start(cls) -> "Position":
        """Return the position before anything was done; epoch −1 is complete, epoch 0 is the evaluation."""
        return cls(-1, 0, torch.zeros(0), 0.0)

    def as_tensors(self) -> dict[str, Tensor]:
        """Return the position as tensors for a checkpoint."""
        numbers = torch.tensor([self.epoch, self.step], dtype=torch.int64)
        seconds = torch.tensor(self.seconds, dtype=torch.float64)
        return {"progress/position": numbers, "progress/loss_S": self.loss_S.cpu(), "progress/seconds": seconds}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "Position":
        """Read the position back from a checkpoint."""
        epoch, step = (int(n) for n in tensors["progress/position"])
        return cls(epoch, step, tensors["progress/loss_S"], float(tensors["progress/seconds"]))


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
    """An epoch is complete: its record, the losses of its mini-batches, and the position after it."""

    record: EpochRecord
    loss_S: Tensor
    position: Position


def fit(
    model: Trainable, data: DataSet, task: Task, seed: int, position: Position, watch: Watch
) -> Iterator[Saved | EpochDone]:
    """Train ``model`` from ``position`` on; yield whenever something has to be written down.

    Epoch 0 is the evaluation of the untrained model. The order of the samples in an epoch depends on ``seed`` and the
    epoch only, so nothing but the model's own state is needed to continue.

    Raises:
        FloatingPointError: the training loss is no longer a number.
    """
    if position.epoch < 0:
        began = time.perf_counter()
        loss, accuracy = evaluate(model, data)
        record = EpochRecord(0, None, loss, accuracy, None, None, time.perf_counter() - began)
        position = Position(0, 0, torch.zeros(0), 0.0)
        yield EpochDone(record, position.loss_S, position)
    while position.epoch < task.epochs:
        for event in _epoch(model, data, task, seed, position, watch):
            yield event
            if isinstance(event, Saved) and event.stopping:
                return
            position = event.position


def _epoch(
    model: Trainable, data: DataSet, task: Task, seed: int, position: Position, watch: Watch
) -> Iterator[Saved | EpochDone]:
    epoch, n = position.epoch + 1, len(data.train_y_B)
    steps = -(-n // task.batch_size)
    lr = task.lr * task.schedule.factor_at(epoch)
    # Losses stay on the device until they are wanted: reading one would wait for the whole queue of a GPU.
    loss_S = torch.zeros(steps, device=data.device)
    loss_S[: position.step] = position.loss_S.to(data.device)
    began = time.perf_counter() - position.seconds
    shown = 0.0
    batches = train_batches(data, order(n, seed, epoch), task.batch_size, first=position.step)
    for step, (x_BCHW, y_B) in enumerate(batches, start=position.step):
        loss_S[step] = model.train_step(x_BCHW, y_B, lr)
        now = time.perf_counter()
        if now - shown > PROGRESS_EVERY_S:
            watch.on_step(epoch, step + 1, steps)
            shown = now
        stopping = watch.stop_asked()
        # Not after the last mini-batch: what it leaves behind (its gradient) belongs into the record of the epoch.
        if step + 1 < steps and (stopping or watch.checkpoint_due()):
            here = replace(position, step=step + 1, loss_S=loss_S[: step + 1].clone(), seconds=now - began)
            yield Saved(here, stopping)
    train_loss = float(loss_S.mean())
    if not torch.isfinite(loss_S).all():
        raise FloatingPointError(
            f"the training loss is not a number in epoch {epoch} (lr = {lr:g}); try a smaller --lr"
        )
    gradient = model.gradient_magnitude()
    test_loss, accuracy = evaluate(model, data)
    seconds = time.perf_counter() - began
    record = EpochRecord(epoch, train_loss, test_loss, accuracy, gradient, lr, seconds)
    yield EpochDone(record, loss_S.cpu(), Position(epoch, 0, torch.zeros(0), 0.0))


@torch.no_grad()
def evaluate(model: Trainable, data: DataSet) -> tuple[float, float]:
    """Return the mean loss and the fraction of correct answers on the test set, with the noise of the hardware."""
    loss = torch.zeros((), dtype=torch.float64, device=data.device)
    correct = torch.zeros((), dtype=torch.int64, device=data.device)
    for x_BCHW, y_B in test_batches(data, TEST_BATCH):
        log_p_BK = model.log_probs(x_BCHW)
        loss += nll_loss(log_p_BK, y_B, reduction="sum")
        correct += (log_p_BK.argmax(1) == y_B).sum()
    n = len(data.test_y_B)
    return float(loss) / n, int(correct) / n
