"""The epoch loop of a group of models: train, test, record; it can stop after any mini-batch and go on bit for bit.

The models of a group stand at the same position and are trained in the same kernels, each on its own order of samples.

Axes: R replica (model), B batch, C channel, H, W image, K outputs, S mini-batches of an epoch.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from analogcli.backends import Programmable, Trainable
from analogcli.data import DataSet, Pipeline, orders, test_batches, train_batches
from analogcli.nn.loss import LOSSES
from analogcli.spec import ClassificationTask, LeastSquaresTask, RegressionTask, Task
from analogcli.store import EpochRecord
from analogcli.training.descent import descent
from analogcli.training.events import PROGRESS_EVERY_S, EpochDone, Position, Saved, Watch

OfEpochs = ClassificationTask | RegressionTask
"""Tasks that go through their samples epoch by epoch."""

TEST_BATCH = 1000
TEST_PIXELS = 2**19
"""A test batch has at most so many images, and at most so many numbers in them: patches of larger ones fill memory."""


def fit(
    models: Trainable, data: DataSet, task: Task, seeds: Sequence[int], position: Position, watch: Watch
) -> Iterator[Saved | EpochDone]:
    """Train ``models`` from ``position`` on; yield whenever something has to be written down.

    Epoch 0 is the evaluation of the untrained models. The order of the samples in an epoch depends on a model's seed
    and the epoch only, so nothing but the models' own states is needed to continue.

    Raises:
        FloatingPointError: the training loss of a model is no longer a number.
    """
    if isinstance(task, LeastSquaresTask):
        yield from descent(models, data, task, seeds, position, watch)
        return
    if position.epoch < 0:
        began = time.perf_counter()
        tested = evaluate(models, data, task)
        seconds = (time.perf_counter() - began) / len(seeds)
        records = [EpochRecord(0, None, loss, accuracy, None, None, seconds) for loss, accuracy in tested]
        position = Position.after(0, len(seeds))
        yield EpochDone(records, position.loss_RS, position)
    while position.epoch < task.epochs:
        for event in _epoch(models, data, task, seeds, position, watch):
            yield event
            if isinstance(event, Saved) and event.stopping:
                return
            position = event.position


def steps_per_epoch(data: DataSet, task: Task) -> int:
    """Return the mini-batches of an epoch; all iterations of a least-squares problem are one."""
    return task.iterations if isinstance(task, LeastSquaresTask) else -(-len(data.train_y_B) // task.batch_size)


def _epoch(
    models: Trainable, data: DataSet, task: OfEpochs, seeds: Sequence[int], position: Position, watch: Watch
) -> Iterator[Saved | EpochDone]:
    epoch, n = position.epoch + 1, len(data.train_y_B)
    steps = steps_per_epoch(data, task)
    lr = task.lr * task.schedule.factor_at(epoch)
    # Losses stay on the device until they are wanted: reading one would wait for the whole queue of a GPU.
    loss_RS = torch.zeros(len(seeds), steps, device=data.device)
    loss_RS[:, : position.step] = position.loss_RS.to(data.device)
    began = time.perf_counter() - position.seconds * len(seeds)
    shown = 0.0
    pipeline = Pipeline.of(task)
    # Without shuffling all models see the same images: they are gathered once, and laid over themselves R times.
    shared = not task.shuffle and not pipeline.augment.random
    order_RN = orders(n, seeds, epoch) if task.shuffle else torch.arange(n).expand(1 if shared else len(seeds), n)
    batches = train_batches(
        data, order_RN, task.batch_size, position.step, lambda x, step: pipeline.train(x, seeds, epoch, step)
    )
    for step, (x_RBCHW, y_RB) in enumerate(batches, start=position.step):
        x_RBCHW, y_RB = x_RBCHW.expand(len(seeds), *x_RBCHW.shape[1:]), y_RB.expand(len(seeds), *y_RB.shape[1:])
        loss_RS[:, step] = models.train_step(x_RBCHW, y_RB, lr)
        now = time.perf_counter()
        if now - shown > PROGRESS_EVERY_S:
            watch.on_step(epoch, step + 1, steps)
            shown = now
        stopping = watch.stop_asked()
        # Not after the last mini-batch: what it leaves behind (its gradient) belongs into the record of the epoch.
        if step + 1 < steps and (stopping or watch.checkpoint_due()):
            done_RS, seconds = loss_RS[:, : step + 1].cpu().clone(), (now - began) / len(seeds)
            yield Saved(replace(position, step=step + 1, loss_RS=done_RS, seconds=seconds), stopping)
    loss_RS = loss_RS.cpu()
    for seed, loss_S in zip(seeds, loss_RS, strict=True):
        if not torch.isfinite(loss_S).all():
            raise FloatingPointError(
                f"the training loss of the model with seed {seed} is not a number in epoch {epoch} (lr = {lr:g}); "
                "try a smaller --lr"
            )
    train_loss_R = loss_RS.mean(1)
    gradients = models.gradient_magnitude()
    models.end_of_epoch(train_loss_R)
    tested = evaluate(models, data, task)
    seconds = (time.perf_counter() - began) / len(seeds)
    records = [
        EpochRecord(epoch, train_loss, test_loss, accuracy, gradient, lr, seconds)
        for train_loss, (test_loss, accuracy), gradient in zip(train_loss_R.tolist(), tested, gradients, strict=True)
    ]
    yield EpochDone(records, loss_RS, Position.after(epoch, len(seeds)))


@torch.no_grad()
def evaluate(models: Trainable | Programmable, data: DataSet, task: Task) -> list[tuple[float, float | None]]:
    """Return for each model mean loss and fraction of correct answers on the test set, with the hardware's noise.

    Where numbers are predicted nothing is correct or wrong, and the fraction is None.
    """
    pipeline = Pipeline.of(task)
    seen = pipeline.seen(data)
    size = max(1, min(TEST_BATCH, TEST_PIXELS // (seen.channels * seen.height * seen.width)))
    classes = data.n_classes is not None
    losses_R, correct_R, n = [], [], 0
    for x_BCHW, y_B in test_batches(data, size, pipeline.test):
        output_RBK = models.outputs(x_BCHW)
        y_RB = y_B.expand(len(output_RBK), *y_B.shape)
        loss_RN = LOSSES[task.loss](output_RBK.flatten(0, 1), y_RB.flatten(0, 1), reduction="none").view(len(y_RB), -1)
        losses_R.append(loss_RN.sum(1, dtype=torch.float64))
        n += loss_RN.shape[1]
        if classes:
            correct_R.append((output_RBK.argmax(2) == y_RB).sum(1))
    loss_R = torch.stack(losses_R).sum(0) / n
    if not classes:
        return [(loss, None) for loss in loss_R.tolist()]
    accuracy_R = torch.stack(correct_R).sum(0).double() / n
    return list(zip(loss_R.tolist(), accuracy_R.tolist(), strict=True))
