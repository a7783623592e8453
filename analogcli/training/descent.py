"""The loop of a least-squares problem: full-batch steps, with the error written down before each and after the last.

All iterations are one epoch: one record, one series of ``iterations + 1`` errors, and checkpoints in between. An error
is the loss divided by the dimension, of the weights as they are or as a noisy read sees it, as the task asks. The
record's training loss is the floor: the mean error of the last fifth of the iterations.

Axes: R replica (model), N equations (the full batch), S iterations, K the one output.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from analogcli.backends import ReadsExactly, Trainable
from analogcli.data import DataSet
from analogcli.nn.loss import LOSSES
from analogcli.spec import LeastSquaresTask
from analogcli.store import EpochRecord
from analogcli.training.events import PROGRESS_EVERY_S, EpochDone, Position, Saved, Watch

FLOOR = 1 / 5
"""Part of the iterations, from the end, whose mean error is the floor."""


def descent(
    models: Trainable, data: DataSet, task: LeastSquaresTask, seeds: Sequence[int], position: Position, watch: Watch
) -> Iterator[Saved | EpochDone]:
    """Train ``models`` from ``position`` on; yield whenever something has to be written down.

    Raises:
        FloatingPointError: the error of a model is no longer a number.
    """
    n_models = len(seeds)
    if position.epoch < 0:
        error_R = _exact(models, data, task)
        records = [EpochRecord(0, None, error, None, None, None, 0.0) for error in error_R.tolist()]
        position = Position.after(0, n_models)
        yield EpochDone(records, position.loss_RS, position)
    if position.epoch >= task.epochs:
        return
    x_RNCHW = data.train_x_BCHW.expand(n_models, *data.train_x_BCHW.shape)
    y_RNK = data.train_y_B.expand(n_models, *data.train_y_B.shape)
    error_RS = torch.zeros(n_models, task.iterations + 1, device=data.device)
    error_RS[:, : position.step] = position.loss_RS.to(data.device)
    began = time.perf_counter() - position.seconds * n_models
    shown = 0.0
    for step in range(position.step, task.iterations):
        if task.record == "exact":
            error_RS[:, step] = _exact(models, data, task)
        loss_R = models.train_step(x_RNCHW, y_RNK, task.lr)
        if task.record == "read":
            error_RS[:, step] = loss_R / task.dimension
        now = time.perf_counter()
        if now - shown > PROGRESS_EVERY_S:
            watch.on_step(1, step + 1, task.iterations)
            shown = now
        stopping = watch.stop_asked()
        if step + 1 < task.iterations and (stopping or watch.checkpoint_due()):
            done_RS, seconds = error_RS[:, : step + 1].cpu().clone(), (now - began) / n_models
            yield Saved(replace(position, step=step + 1, loss_RS=done_RS, seconds=seconds), stopping)
            if stopping:
                return
    gradients = models.gradient_magnitude()
    last = _exact if task.record == "exact" else _read
    error_RS[:, -1] = last(models, data, task)
    error_RS = error_RS.cpu()
    for seed, error_S in zip(seeds, error_RS, strict=True):
        if not torch.isfinite(error_S).all():
            raise FloatingPointError(
                f"the error of the model with seed {seed} is not a number after {int(error_S.isfinite().sum())} "
                f"iterations (lr = {task.lr:g}); try a smaller --lr"
            )
    floor_R = error_RS[:, -max(1, round(FLOOR * task.iterations)) :].mean(1)
    seconds = (time.perf_counter() - began) / n_models
    ends = zip(floor_R.tolist(), error_RS[:, -1].tolist(), gradients, strict=True)
    records = [EpochRecord(1, floor, end, None, gradient, task.lr, seconds) for floor, end, gradient in ends]
    yield EpochDone(records, error_RS, Position.after(1, n_models))


def _exact(models: Trainable, data: DataSet, task: LeastSquaresTask) -> Tensor:
    """Return the errors [R] of the weights and biases as they are."""
    assert isinstance(models, ReadsExactly), "the backends that are allowed for this task can"
    return _error(models.exact_outputs(data.train_x_BCHW), data, task)


def _read(models: Trainable, data: DataSet, task: LeastSquaresTask) -> Tensor:
    """Return the errors [R] that one noisy read sees."""
    return _error(models.outputs(data.train_x_BCHW), data, task)


def _error(output_RNK: Tensor, data: DataSet, task: LeastSquaresTask) -> Tensor:
    y_RNK = data.train_y_B.expand_as(output_RNK)
    return LOSSES[task.loss](output_RNK, y_RNK, reduction="none").mean((1, 2)) / task.dimension
