"""From a spec to a stored result: open the run, train its models group after group, write down every epoch.

Models that stand at the same position train together in one group, as far as the engine can; each keeps its own seed,
order of samples, records and checkpoints. An epoch of a group is written in one transaction, so that a group that is
killed stays one group.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from operator import or_
from typing import Protocol

import torch

from analogcli import backends, data
from analogcli.errors import AnalogError, RunFailed, RunTaken, UsageError
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
from analogcli.training.events import EpochDone, Position, Saved, Watch
from analogcli.training.fit import evaluate, fit, steps_per_epoch
from analogcli.training.lease import keeping
from analogcli.training.stop import StopRequest, listening


class Observer(Protocol):
    """Who watches a run, e.g. the progress display."""

    def on_start(self, run: RunRecord, steps_per_epoch: int) -> None: ...
    def on_note(self, note: str) -> None: ...
    def on_models(self, models: Sequence[ModelRecord], epochs_done: int) -> None: ...
    def on_step(self, epoch: int, step: int, steps: int) -> None: ...
    def on_epoch(self, models: Sequence[ModelRecord], records: Sequence[EpochRecord]) -> None: ...
    def on_stop_request(self) -> None: ...


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
    with listening(observer.on_stop_request) as request, keeping(store, run_id, request.ask):
        return _train(store, store.runs(id=run_id)[0], options, ready, observer, request)


def resume(
    store: Store, run: RunRecord, options: ExecutionOptions, observer: Observer, request: StopRequest | None = None
) -> RunRecord:
    """Train a queued run, or continue one from its last checkpoint, to the result that it would have had.

    Who listens for signals already hands over the request to stop that they make.
    """
    own = nullcontext(request) if request else listening(observer.on_stop_request)
    with own as asked, keeping(store, run.id, asked.ask):
        ready = prepare(run.spec, options, observer.on_note)
        same_data(run, ready.dataset)
        resolved = ready.backend.resolved_config(run.spec)
        store.take_over(run.id, ready.provenance, repeatable=ready.backend.repeatable, resolved=resolved)
        return _train(store, store.runs(id=run.id)[0], options, ready, observer, asked)


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
    run: RunRecord,
    options: ExecutionOptions,
    ready: Prepared,
    observer: Observer,
    request: StopRequest,
) -> RunRecord:
    observer.on_start(run, steps_per_epoch(ready.dataset, run.spec.task))
    with _recorded(store, run.id):
        for group in _groups(store, run.models, options.fuse if ready.backend.several else 1):
            if not _train_group(store, run, group, options, ready, observer, request):
                store.end(run.id, "interrupted")
                return store.runs(id=run.id)[0]
        store.end(run.id, "finished")
    return store.runs(id=run.id)[0]


@dataclass(frozen=True)
class _Group:
    """Models that stand at the same position, with the checkpoints to go on from; none before anything was done."""

    models: list[ModelRecord]
    saved: list[SavedState]


def _groups(store: Store, models: Sequence[ModelRecord], largest: int | None) -> list[_Group]:
    """Return the models by position, in the order of the first of each group."""
    standing: dict[tuple[int, int], _Group] = {}
    for model in models:
        saved = store.saved_state(model)
        group = standing.setdefault((saved.epoch, saved.step) if saved else (-1, 0), _Group([], []))
        group.models.append(model)
        group.saved.extend([saved] if saved else [])
    parts = [
        _Group(group.models[start : start + size], group.saved[start : start + size])
        for group in standing.values()
        for size in [largest or len(group.models)]
        for start in range(0, len(group.models), size)
    ]
    return sorted(parts, key=lambda group: group.models[0].index)


def _train_group(
    store: Store,
    run: RunRecord,
    group: _Group,
    options: ExecutionOptions,
    ready: Prepared,
    observer: Observer,
    request: StopRequest,
) -> bool:
    """Train the models of a group to their end; return False if they were asked to stop before that."""
    spec = run.spec
    seeds = [model.seed for model in group.models]
    trainable = ready.backend.build(spec, data.Pipeline.of(spec.task).seen(ready.dataset), seeds, ready.device)
    position = Position.after(-1, len(seeds))
    if group.saved:
        checkpoints = [store.load_state(saved) for saved in group.saved]
        position = Position.from_tensors(checkpoints)
        trainable.load_state_dict([model_state(tensors) for tensors in checkpoints])
    observer.on_models(group.models, max(position.epoch, 0))

    def save(here: Position) -> list[CheckpointFile]:
        name = f"epoch-{here.epoch:04d}" + (f"-step-{here.step:06d}" if here.step else "")
        # A process that has lost the run, and does not know it yet, must not write over files of the one that has it.
        name += f"-attempt-{len(run.attempts)}"
        files = []
        for model, state, progress in zip(group.models, trainable.state_dict(), here.as_tensors(), strict=True):
            tensors = {f"model/{key}": tensor for key, tensor in state.items()} | progress
            files.append(store.save_state(run.id, model.index, name, tensors))
        return files

    timer = _Timer(options.checkpoint_minutes * 60)
    watch = Watch(observer.on_step, lambda: request.asked, timer.due)
    for event in fit(trainable, ready.dataset, spec.task, seeds, position, watch):
        files = save(event.position)
        timer.restart()
        match event:
            case EpochDone(records, loss_RS, _):
                series = [{"train_loss": _bytes(loss_S)} if len(loss_S) else {} for loss_S in loss_RS]
                if event.position.epoch == spec.task.epochs:
                    series = list(map(or_, series, _after_training(trainable, ready.dataset, spec.task, len(seeds))))
                ids = [model.id for model in group.models]
                store.record_epochs(list(map(ModelEpoch, ids, records, series, files)))
                observer.on_epoch(group.models, records)
                if request.asked and event.position.epoch < spec.task.epochs:
                    return False
            case Saved(here, stopping):
                by_model = {model.id: file for model, file in zip(group.models, files, strict=True)}
                store.record_checkpoints(by_model, here.epoch, here.step)
                if stopping:
                    return False
    return True


def _after_training(
    trainable: backends.Trainable, dataset: data.DataSet, task: Task, models: int
) -> list[dict[str, bytes]]:
    """Return for each model what else is measured once it is trained: test loss and accuracy after relaxation."""
    relaxed = trainable.relaxed() if isinstance(trainable, backends.Relaxes) else None
    if relaxed is None:
        return [{}] * models
    return [{RELAXED: _bytes(torch.tensor(tested))} for tested in evaluate(relaxed, dataset, task)]


def model_state(checkpoint: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the state of the model from its checkpoint."""
    return {k.removeprefix("model/"): t for k, t in checkpoint.items() if k.startswith("model/")}


def _bytes(loss_S: torch.Tensor) -> bytes:
    return loss_S.numpy().astype("<f4").tobytes()


@contextmanager
def _recorded(store: Store, run_id: str) -> Iterator[None]:
    """Write the end of a run that breaks into the store, whatever broke it."""
    try:
        yield
    except RunTaken:
        raise
    except KeyboardInterrupt:
        store.end(run_id, "interrupted")
        raise
    except AnalogError as exc:
        store.end(run_id, "failed", str(exc))
        raise
    except Exception as exc:
        reason = f"{type(exc).__name__}: {exc}" if not isinstance(exc, FloatingPointError) else str(exc)
        store.end(run_id, "failed", reason)
        raise RunFailed(f"run {run_id[:8]} failed: {reason}") from exc


class _Timer:
    """Tells when the time between two checkpoints is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self._since >= self._seconds

    def restart(self) -> None:
        self._since = time.monotonic()
