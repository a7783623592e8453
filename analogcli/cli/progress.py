"""The live view of a training run on stderr: a bar with the last epoch and time left; without a terminal few lines."""

import os
import time
from collections.abc import Sequence
from statistics import fmean, stdev
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from analogcli.cli.console import duration, err
from analogcli.store import HELD, EpochRecord, ModelRecord, RunRecord

STDERR = 2
QUIET_S = 30.0
"""Where no terminal watches, a line about an epoch comes no sooner than this after the last one."""


class ProgressView:
    """Shows a run; use as a context manager. With ``quiet`` only notes are shown."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console: Console = err()
        self._quiet = quiet
        self._last_line = time.monotonic()
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
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_found(self, run: RunRecord) -> None:
        """Say that the spec has a run already, and how far it is; of one that waits or is trained elsewhere nothing."""
        if run.status == "finished":
            self._say(f"already stored as run {run.short_id}; --again trains it anew")
        elif run.attempts and run.status not in HELD:
            how_far = f"{run.status} after {run.epochs_done} epochs"
            self._say(f"continuing run {run.short_id}, {how_far}; --again starts anew")

    def on_start(self, run: RunRecord, steps_per_epoch: int) -> None:
        """Open the bar over all epochs of all models."""
        spec = run.spec
        self._steps_per_epoch, self._n_models = steps_per_epoch, spec.n_models
        self._epochs_planned = spec.task.epochs
        self._name = f"{spec.experiment} {spec.setting}"
        self._say(f"run {run.short_id}: {self._name} on {spec.task.dataset}, backend {spec.backend}")
        total = max(spec.n_models * spec.task.epochs * steps_per_epoch, 1)
        self._progress.start()  # Not before there is a bar: where nothing is trained an empty line would stay of it.
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
        """Show how well the epoch did, and keep a line of it above the bar; of several models mean ± std."""
        epoch = records[0].epoch
        results = [f"train loss {loss}"] if (loss := _mean([r.train_loss for r in records], ".4f")) else []
        results += [f"test loss {loss}"] if (loss := _mean([r.test_loss for r in records], ".4f")) else []
        percents = [None if r.test_accuracy is None else 100 * r.test_accuracy for r in records]
        errors = [None if p is None else 100 - p for p in percents]
        if accuracy := _mean(percents, ".2f"):
            results += [f"test error {_mean(errors, '.2f')} %", f"accuracy {accuracy} %"]
        which = f"{_numbers(models)}/{self._n_models} " if self._n_models > 1 else ""
        self._update(
            completed=self._before + self._group_size * epoch * self._steps_per_epoch,
            status=f"{which}epoch {epoch}/{self._epochs_planned} {results[-1]}",
        )
        if self._console.is_terminal or time.monotonic() - self._last_line > QUIET_S:
            self._last_line = time.monotonic()
            moment = records[0].recorded_at.astimezone().strftime("%H:%M:%S")
            seconds = duration(sum(record.seconds for record in records))
            self._say("  ".join([f"{moment} {which}epoch {epoch:>3}/{self._epochs_planned}", *results, seconds]))

    def on_stop_request(self) -> None:
        """Say that the wish to stop was heard."""
        # A handler of signals calls this, perhaps in the middle of a print or of an import: nothing that has a state.
        begin = "\n" if self._console.is_terminal else ""
        os.write(STDERR, f"{begin}stopping at a checkpoint … (Ctrl-C again stops at once)\n".encode())

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


def _mean(values: Sequence[float | None], form: str) -> str:
    """Return mean ± std of what there is; nothing of nothing."""
    known = [value for value in values if value is not None]
    spread = f" ± {stdev(known):{form}}" if len(known) > 1 else ""
    return f"{fmean(known):{form}}{spread}" if known else ""
