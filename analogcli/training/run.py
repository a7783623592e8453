"""From a spec to a stored result: open the run, train its models group after group, write down every epoch.

Models that stand at the same position train together in one group, as far as the engine can; each keeps its own seed,
order of samples, records and checkpoints. An epoch of a group is written in one transaction, so that a group that is
killed stays one group.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from operator import or_

import numpy as np
import torch

from analogcli import backends, data
from analogcli.errors import AnalogError, RunFailed, RunTaken, UsageError
from analogcli.nn.models import ImageShape
from analogcli.spec import ExecutionOptions, LeastSquaresTask, RunSpec, Task
from analogcli.store import (
    RELAXED,
    CheckpointFile,
    EpochRecord,
    ModelEpoch,
    ModelRecord,
    Provenance,
    RunRecord,
    SavedState,
    Store,
    collect,
)
from analogcli.training import device as devices
from analogcli.training.checkpoint import as_checkpoint, model_state
from analogcli.training.events import EpochDone, Position, Saved, Watch
from analogcli.training.fit import evaluate, fit, steps_per_epoch
from analogcli.training.lease import keeping
from analogcli.training.observer import Observer
from analogcli.training.stop import StopRequest, listening


@dataclass(frozen=True)
class Prepared:
    """What a run needs before anything of it is computed."""

    backend: backends.Backend
    dataset: data.DataSet
    device: torch.device
    provenance: Provenance


def train(
    store: Store, spec: RunSpec, options: ExecutionOptions, observer: Observer, *, again: bool = True
) -> RunRecord:
    """Train all models of ``spec`` as a new run and return it; its status says finished or interrupted.

    Raises:
        UsageError: data, backend or device are not there; nothing is stored then.
        AlreadyStored: not ``again``, and another process has stored the spec by now; nothing is stored then.
        RunFailed: it started and broke; the error text is in the store.
    """
    ready = prepare(spec, options, observer.on_note)
    resolved = ready.backend.resolved_config(spec)
    run_id = store.begin(spec, ready.provenance, repeatable=ready.backend.repeatable, resolved=resolved, again=again)
    with listening(observer.on_stop_request) as request, keeping(store, [run_id], request.ask):
        return _train(store, [store.runs(id=run_id)[0]], options, ready, observer, request)[0]


def resume(
    store: Store, run: RunRecord, options: ExecutionOptions, observer: Observer, request: StopRequest | None = None
) -> RunRecord:
    """Train a queued run, or continue one from its last checkpoint, to the result that it would have had.

    Who listens for signals already hands over the request to stop that they make.
    """
    own = nullcontext(request) if request else listening(observer.on_stop_request)
    with own as asked:
        return resume_together(store, [run], options, observer, asked)[0]


def resume_together(
    store: Store, runs: Sequence[RunRecord], options: ExecutionOptions, observer: Observer, request: StopRequest
) -> list[RunRecord]:
    """Train or continue runs that are alike, all their models at once, and return them; a request stops all.

    Raises:
        RunFailed: one of them broke; one of several is not marked as failed: each is to be continued alone.
    """
    with keeping(store, [run.id for run in runs], request.ask):
        ready = prepare(runs[0].spec, options, observer.on_note)
        for run in runs:
            same_data(run, ready.dataset)
        for run in runs:
            resolved = ready.backend.resolved_config(run.spec)
            store.take_over(run.id, ready.provenance, repeatable=ready.backend.repeatable, resolved=resolved)
        return _train(store, [store.runs(id=run.id)[0] for run in runs], options, ready, observer, request)


def prepare(spec: RunSpec, options: ExecutionOptions, on_note: Callable[[str], None]) -> Prepared:
    """Check that backend, device and data are there, and return them.

    Raises:
        UsageError: one of them is not.
    """
    torch.set_num_threads(options.threads or 1)
    backend = backends.get(spec.backend)
    backend.check()
    device, note = devices.choose(options)
    reason = backend.reason_against(device)
    if reason:
        device, note = torch.device("cpu"), f"--cuda {options.cuda}: {reason}; the run is computed on the CPU"
    notes = [*([note] if note else []), *backend.notes(spec)]
    for said in notes:
        on_note(said)
    if isinstance(spec.task, LeastSquaresTask):
        dataset = data.problem(spec.task, device)
    else:
        dataset = data.load(spec.task.dataset, options.data_dir, device, progress=sys.stderr.isatty())
    _check_targets(spec, dataset)
    data.Pipeline.of(spec.task).seen(dataset)  # Refuses what it cannot treat before anything is stored.
    provenance = collect(options, devices.describe(device), dataset.fingerprint, "; ".join(notes) or None)
    return Prepared(backend, dataset, device, provenance)


def same_data(run: RunRecord, dataset: data.DataSet) -> None:
    """Raise :class:`RunFailed` where the data are not those that the run began with."""
    first = run.attempts[0]["data_fingerprint"] if run.attempts else dataset.fingerprint
    if first != dataset.fingerprint:
        raise RunFailed(
            f"the data set {run.spec.task.dataset} is not the one that run {run.short_id} began with "
            f"(fingerprint {dataset.fingerprint} instead of {first}); give its --data-dir, or use --again"
        )


def _check_targets(spec: RunSpec, dataset: data.DataSet) -> None:
    """Raise :class:`UsageError` where the data set's targets are not what the task learns: classes, or numbers."""
    has, wants = ("numbers", "classes") if dataset.n_classes is None else ("classes", "numbers")
    if (has == "classes") != (spec.task.kind == "classification"):
        raise UsageError(
            f"--dataset {dataset.name} has {has} and {spec.experiment} learns {wants}; "
            f"`analog data` says which sets have {wants}"
        )


def _train(
    store: Store,
    runs: Sequence[RunRecord],
    options: ExecutionOptions,
    ready: Prepared,
    observer: Observer,
    request: StopRequest,
) -> list[RunRecord]:
    for run in runs:
        observer.on_start(run, steps_per_epoch(ready.dataset, run.spec.task))
    with _recorded(store, runs):
        groups = _groups(store, runs, _largest(runs[0].spec, options, ready))
        done = all(_train_group(store, group, options, ready, observer, request) for group in groups)
        for run in runs:
            store.end(run.id, "finished" if done else "interrupted")
    return [store.runs(id=run.id)[0] for run in runs]


def _largest(spec: RunSpec, options: ExecutionOptions, ready: Prepared) -> int | None:
    """Return how many models may be in a group; None: any number."""
    if not ready.backend.several:
        return 1
    if options.fuse != "auto" or not isinstance(ready.backend, backends.Fuses):
        return None if options.fuse == "auto" else options.fuse
    one = ready.backend.bytes_of_model(spec, data.Pipeline.of(spec.task).seen(ready.dataset))
    return max(devices.free_bytes(ready.device) // (2 * one), 1)


@dataclass(frozen=True)
class _Group:
    """Models that stand at the same position, with the checkpoints to go on from; none before anything was done."""

    runs: list[RunRecord]
    """The run of each model."""
    models: list[ModelRecord]
    saved: list[SavedState]


def _groups(store: Store, runs: Sequence[RunRecord], largest: int | None) -> list[_Group]:
    """Return the models of all runs by position, in the order of the first of each group."""
    standing: dict[tuple[int, int], _Group] = {}
    for run in runs:
        for model in run.models:
            saved = store.saved_state(model)
            group = standing.setdefault((saved.epoch, saved.step) if saved else (-1, 0), _Group([], [], []))
            group.runs.append(run)
            group.models.append(model)
            group.saved.extend([saved] if saved else [])
    parts = [
        _Group(group.runs[part], group.models[part], group.saved[part])
        for group in standing.values()
        for size in [largest or len(group.models)]
        for part in (slice(start, start + size) for start in range(0, len(group.models), size))
    ]
    order = [run.id for run in runs]
    return sorted(parts, key=lambda group: (order.index(group.runs[0].id), group.models[0].index))


def _train_group(
    store: Store,
    group: _Group,
    options: ExecutionOptions,
    ready: Prepared,
    observer: Observer,
    request: StopRequest,
) -> bool:
    """Train the models of a group to their end; return False if they were asked to stop before that."""
    spec = group.runs[0].spec
    seeds = [model.seed for model in group.models]
    trainable = _built(group, data.Pipeline.of(spec.task).seen(ready.dataset), seeds, ready)
    position = Position.after(-1, len(seeds))
    if group.saved:
        checkpoints = [store.load_state(saved) for saved in group.saved]
        position = Position.from_tensors(checkpoints)
        trainable.load_state_dict([model_state(tensors) for tensors in checkpoints])
    observer.on_models(group.models, max(position.epoch, 0))

    def save(here: Position) -> list[CheckpointFile]:
        name = f"epoch-{here.epoch:04d}" + (f"-step-{here.step:06d}" if here.step else "")
        files = []
        states = zip(group.runs, group.models, trainable.state_dict(), here.as_tensors(), strict=True)
        for run, model, state, progress in states:
            tensors = as_checkpoint(state) | progress
            # A process that has lost the run, and does not know it, must not write over files of the one that has it.
            files.append(store.save_state(run.id, model.index, f"{name}-attempt-{len(run.attempts)}", tensors))
        return files

    timer = _Timer(options.checkpoint_minutes * 60)
    watch = Watch(observer.on_step, lambda: request.asked, timer.due)
    for event in fit(trainable, ready.dataset, spec.task, seeds, position, watch):
        files = save(event.position)
        timer.restart()
        match event:
            case EpochDone(records, loss_RS, _):
                series = [{"train_loss": loss_S.numpy()} if len(loss_S) else {} for loss_S in loss_RS]
                if event.position.epoch == spec.task.epochs:
                    series = list(map(or_, series, _after_training(trainable, ready.dataset, spec.task, len(seeds))))
                ids = [model.id for model in group.models]
                own = [_with_rate_of(run, record) for run, record in zip(group.runs, records, strict=True)]
                store.record_epochs(list(map(ModelEpoch, ids, own, series, files)))
                observer.on_epoch(group.models, own)
                if request.asked and event.position.epoch < spec.task.epochs:
                    return False
            case Saved(here, stopping):
                by_model = {model.id: file for model, file in zip(group.models, files, strict=True)}
                store.record_checkpoints(by_model, here.epoch, here.step)
                if stopping:
                    return False
    return True


def _built(group: _Group, seen: ImageShape, seeds: Sequence[int], ready: Prepared) -> backends.Trainable:
    specs = [run.spec for run in group.runs]
    if isinstance(ready.backend, backends.Fuses):
        return ready.backend.build_several(specs, seen, seeds, ready.device)
    return ready.backend.build(specs[0], seen, seeds, ready.device)


def _with_rate_of(run: RunRecord, record: EpochRecord) -> EpochRecord:
    """Return a record with the learning rate of its own run, which may not be that of the group's first."""
    task = run.spec.task
    if record.lr is None or isinstance(task, LeastSquaresTask):
        return record
    return replace(record, lr=task.lr * task.schedule.factor_at(record.epoch))


def _after_training(
    trainable: backends.Trainable, dataset: data.DataSet, task: Task, models: int
) -> list[dict[str, np.ndarray]]:
    """Return for each model what else is measured once it is trained: test loss and accuracy after relaxation."""
    relaxed = trainable.relaxed() if isinstance(trainable, backends.Relaxes) else None
    if relaxed is None:
        return [{}] * models
    return [{RELAXED: np.array(tested)} for tested in evaluate(relaxed, dataset, task)]


@contextmanager
def _recorded(store: Store, runs: Sequence[RunRecord]) -> Iterator[None]:
    """Write the end of a run that breaks into the store, whatever broke it; which of several did is not known."""

    def end(reason: str) -> None:
        for run in runs:
            if len(runs) == 1:
                store.end(run.id, "failed", reason)
            else:
                store.end(run.id, "interrupted")

    try:
        yield
    except RunTaken:
        raise
    except KeyboardInterrupt:
        for run in runs:
            store.end(run.id, "interrupted")
        raise
    except AnalogError as exc:
        end(str(exc))
        raise
    except Exception as exc:
        reason = f"{type(exc).__name__}: {exc}" if not isinstance(exc, FloatingPointError) else str(exc)
        end(reason)
        raise RunFailed(f"run {runs[0].short_id} failed: {reason}") from exc


class _Timer:
    """Tells when the time between two checkpoints is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self._since >= self._seconds

    def restart(self) -> None:
        self._since = time.monotonic()
