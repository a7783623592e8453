"""From a finished run to its accuracy at times after the weights were written onto phase-change memory.

::

    for each repeat: program every model anew;  for each time: let it drift, test, write it down

Models are programmed and tested together as far as the engine can; each time of each repeat is a transaction of its
own, and depends on nothing that was computed before it.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from analogcli.backends import Programmable
from analogcli.data import DataSet
from analogcli.errors import UsageError
from analogcli.spec import ExecutionOptions, HardwareAware, PcmInference
from analogcli.store import BEFORE, InferenceRecord, Inferences, ModelRecord, RunRecord, Store
from analogcli.training.fit import evaluate
from analogcli.training.run import Prepared, prepare, same_data
from analogcli.training.trained import states_of

MOST_PREDICTIONS = 64
"""Numbers that are few enough to be looked at one by one."""

Point = tuple[int, float]
"""Repeat, and time since programming [s] or :data:`~analogcli.store.BEFORE`."""


class Watcher(Protocol):
    """Who watches an inference, e.g. the progress display."""

    def on_note(self, note: str) -> None: ...
    def on_point(self, done: int, total: int) -> None: ...


def default_settings(run: RunRecord) -> PcmInference:
    """Return the memory that a hardware-aware run was trained for, AIHWKit's defaults for all other runs."""
    algorithm = run.spec.algorithm
    return algorithm.inference if isinstance(algorithm, HardwareAware) else PcmInference()


def infer(
    store: Store,
    run: RunRecord,
    settings: PcmInference,
    times: Sequence[float],
    repeats: int,
    options: ExecutionOptions,
    watcher: Watcher,
    *,
    again: bool = False,
) -> list[InferenceRecord]:
    """Test all models of ``run`` before programming, and in every repeat at all ``times`` after it [s].

    What is stored already is not computed a second time, unless ``again``.

    Raises:
        UsageError: the run is not finished, a model has no checkpoint, or data, backend or device are not there.
        RunFailed: the data are not those of the run.
    """
    if run.status != "finished":
        raise UsageError(
            f"run {run.short_id} is {run.status} after {run.epochs_done} of {run.epochs_planned} epochs; "
            f"`analog resume {run.short_id}` finishes it"
        )
    points = [(0, BEFORE), *((repeat, float(seconds)) for repeat in range(repeats) for seconds in times)]
    known = set() if again else {(r.model_id, r.repeat, r.seconds) for r in stored(store, run, settings)}
    missing = [p for p in points if any((model.id, *p) not in known for model in run.models)]
    if missing:
        ready = prepare(run.spec, options, watcher.on_note)
        same_data(run, ready.dataset)
        most = options.fuse if isinstance(options.fuse, int) else len(run.models)
        size = most if ready.backend.several else 1
        groups = [run.models[first : first + size] for first in range(0, len(run.models), size)]
        for number, models in enumerate(groups):
            before = number * len(missing)
            total = len(groups) * len(missing)

            def on_point(done: int, before: int = before, total: int = total) -> None:
                watcher.on_point(before + done, total)

            _infer_group(store, run, models, settings, missing, ready, on_point)
    wanted = set(points)
    return [r for r in stored(store, run, settings) if (r.repeat, r.seconds) in wanted]


def stored(store: Store, run: RunRecord, settings: PcmInference) -> list[InferenceRecord]:
    """Return what is stored of ``run`` on memory with these settings."""
    return next((records for theirs, records in Inferences(store).of(run) if theirs == settings), [])


def _infer_group(
    store: Store,
    run: RunRecord,
    models: Sequence[ModelRecord],
    settings: PcmInference,
    points: Sequence[Point],
    ready: Prepared,
    on_point: Callable[[int], None],
) -> None:
    states = states_of(store, run, models)
    seeds = [model.seed for model in models]
    on_chip = ready.backend.for_inference(run.spec, ready.dataset, seeds, states, ready.device)
    programmed = None
    for done, (repeat, seconds) in enumerate(points, start=1):
        if seconds != BEFORE:
            if repeat != programmed:
                on_chip.program(settings, repeat)
                programmed = repeat
            on_chip.at_time(seconds)
        tested = evaluate(on_chip, ready.dataset, run.spec.task)
        predicted = _predictions(on_chip, ready.dataset, len(models))
        Inferences(store).record(
            settings,
            [
                InferenceRecord(model.id, repeat, seconds, *result, numbers)
                for model, result, numbers in zip(models, tested, predicted, strict=True)
            ],
        )
        on_point(done)


def _predictions(models: Programmable, data: DataSet, n_models: int) -> Sequence[list[float] | None]:
    """Return what each model predicts of a small set of numbers, in a read of its own; None of any other set."""
    if data.n_classes is not None or data.test_y_B.numel() > MOST_PREDICTIONS:
        return [None] * n_models
    predicted: list[list[float]] = models.outputs(data.test_x_BCHW).flatten(1).tolist()
    return predicted
