"""The live view of a training run on stderr: one bar with accuracy and time left; plain silence when not a terminal."""

from collections.abc import Sequence
from statistics import fmean, stdev
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from analogcli.cli.console import duration, err
from analogcli.store import EpochRecord, ModelRecord, RunRecord


class ProgressView:
    """Shows a run; use as a context manager. With ``quiet`` only notes are shown."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console: Console = err()
        self._quiet = quiet
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._steps_per_epoch = 1
        self._before = 0
        self._group_size = 0
        self._epochs_planned = 0
        self._n_models = 1
        self._name = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_start(self, run: RunRecord, steps_per_epoch: int) -> None:
        """Open the bar over all epochs of all models."""
        spec = run.spec
        self._steps_per_epoch, self._n_models = steps_per_epoch, spec.n_models
        self._epochs_planned = spec.task.epochs
        self._name = f"{spec.experiment} {spec.setting}"
        self._say(f"run {run.short_id}: {self._name} on {spec.task.dataset}, backend {spec.backend}")
        total = max(spec.n_models * spec.task.epochs * steps_per_epoch, 1)
        self._task = self._progress.add_task(self._name, total=total, status="")

    def on_note(self, note: str) -> None:
        """Show a note even when quiet: it says that something is not as asked."""
        self._progress.console.print(f"note: {note}", markup=False, soft_wrap=True)

    def on_models(self, models: Sequence[ModelRecord], epochs_done: int) -> None:
        """Begin with a group of models that stands after this many epochs; the groups before it are done."""
        self._before += self._group_size * self._epochs_planned * self._steps_per_epoch
        self._group_size = len(models)
        self._update(completed=self._before + self._group_size * epochs_done * self._steps_per_epoch)

    def on_step(self, epoch: int, step: int, steps: int) -> None:
        """Move the bar within an epoch."""
        self._update(completed=self._before + self._group_size * ((epoch - 1) * steps + step))

    def on_epoch(self, models: Sequence[ModelRecord], records: Sequence[EpochRecord]) -> None:
        """Show the accuracy of the epoch, and keep a line of it above the bar; of several models mean ± std."""
        epoch = records[0].epoch
        accuracy = f"test {_mean([100 * record.test_accuracy for record in records], '.2f')} %"
        which = f"{_numbers(models)}/{self._n_models} " if self._n_models > 1 else ""
        self._update(
            completed=self._before + self._group_size * epoch * self._steps_per_epoch,
            status=f"{which}epoch {epoch}/{self._epochs_planned} {accuracy}",
        )
        losses = [record.train_loss for record in records if record.train_loss is not None]
        loss = f"  train loss {_mean(losses, '.4f')}" if losses else ""
        if self._console.is_terminal:
            seconds = duration(sum(record.seconds for record in records))
            self._say(f"  {which}epoch {epoch:>3}/{self._epochs_planned}{loss}  {accuracy}  {seconds}")

    def on_stop_request(self) -> None:
        """Say that the wish to stop was heard."""
        self._progress.console.print("stopping at a checkpoint … (Ctrl-C again stops at once)", markup=False)

    def _say(self, text: str) -> None:
        if not self._quiet:
            self._progress.console.print(text, markup=False, soft_wrap=True)

    def _update(self, *, completed: int, status: str | None = None) -> None:
        if self._task is None:
            return
        self._progress.update(self._task, completed=completed)
        if status is not None:
            self._progress.update(self._task, status=status)


def _numbers(models: Sequence[ModelRecord]) -> str:
    """Return ``model 3``, or ``models 1–10`` of a group; one with gaps is named by its ends and its size."""
    first, last = models[0].index + 1, models[-1].index + 1
    if first == last:
        return f"model {first}"
    return f"models {first}–{last}" + ("" if last - first + 1 == len(models) else f" ({len(models)} of them)")


def _mean(values: Sequence[float], form: str) -> str:
    spread = f" ± {stdev(values):{form}}" if len(values) > 1 else ""
    return f"{fmean(values):{form}}{spread}"
