"""From a spec to a stored result: open the run, train its models one after the other, write down every epoch."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch

from analogcli import backends, data
from analogcli.errors import AnalogError, RunFailed
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import CheckpointFile, EpochRecord, ModelRecord, Provenance, RunRecord, Store, collect
from analogcli.training import device as devices
from analogcli.training.fit import EpochDone, Position, Saved, Watch, fit
from analogcli.training.stop import StopRequest, listening


class Observer(Protocol):
    """Who watches a run, e.g. the progress display."""

    def on_start(self, run: RunRecord, steps_per_epoch: int) -> None: ...
    def on_note(self, note: str) -> None: ...
    def on_model(self, model: ModelRecord, epochs_done: int) -> None: ...
    def on_step(self, epoch: int, step: int, steps: int) -> None: ...
    def on_epoch(self, model: ModelRecord, record: EpochRecord) -> None: ...
    def on_stop_request(self) -> None: ...


@dataclass(frozen=True)
class _Prepared:
    backend: backends.Backend
    dataset: data.DataSet
    device: torch.device
    provenance: Provenance


def train(store: Store, spec: RunSpec, options: ExecutionOptions, observer: Observer) -> RunRecord:
    """Train all models of ``spec`` as a new run and return it; its status says finished or interrupted.

    Raises:
        UsageError: data, backend or device are not there; nothing is stored then.
        RunFailed: it started and broke; the error text is in the store.
    """
    ready = _prepare(spec, options, observer)
    resolved = ready.backend.resolved_config(spec)
    run_id = store.begin(spec, ready.provenance, repeatable=ready.backend.repeatable, resolved=resolved)
    return _train(store, store.runs(id=run_id)[0], spec, options, ready, observer)


def resume(store: Store, run: RunRecord, options: ExecutionOptions, observer: Observer) -> RunRecord:
    """Continue an interrupted or failed run from its last checkpoint, to the result that it would have had."""
    ready = _prepare(run.spec, options, observer)
    first = run.attempts[0]["data_fingerprint"]
    if first != ready.dataset.fingerprint:
        raise RunFailed(
            f"the data set {run.spec.task.dataset} is not the one that run {run.short_id} began with "
            f"(fingerprint {ready.dataset.fingerprint} instead of {first}); give its --data-dir, or use --again"
        )
    store.take_over(run.id, ready.provenance)
    return _train(store, store.runs(id=run.id)[0], run.spec, options, ready, observer)


def _prepare(spec: RunSpec, options: ExecutionOptions, observer: Observer) -> _Prepared:
    torch.set_num_threads(options.threads or 1)
    backend = backends.get(spec.backend)
    backend.check()
    device, note = devices.choose(options)
    reason = backend.reason_against(device)
    if reason:
        device, note = torch.device("cpu"), f"--cuda {options.cuda}: {reason}; the run is computed on the CPU"
    if note:
        observer.on_note(note)
    dataset = data.load(spec.task.dataset, options.data_dir, device, progress=sys.stderr.isatty())
    provenance = collect(options, devices.describe(device), dataset.fingerprint, note)
    return _Prepared(backend, dataset, device, provenance)


def _train(
    store: Store, run: RunRecord, spec: RunSpec, options: ExecutionOptions, ready: _Prepared, observer: Observer
) -> RunRecord:
    observer.on_start(run, -(-len(ready.dataset.train_y_B) // spec.task.batch_size))
    with _recorded(store, run.id), listening(observer.on_stop_request) as request:
        for model in run.models:
            if not _train_model(store, run.id, model, spec, options, ready, observer, request):
                store.end(run.id, "interrupted")
                return store.runs(id=run.id)[0]
        store.end(run.id, "finished")
    return store.runs(id=run.id)[0]


def _train_model(
    store: Store,
    run_id: str,
    model: ModelRecord,
    spec: RunSpec,
    options: ExecutionOptions,
    ready: _Prepared,
    observer: Observer,
    request: StopRequest,
) -> bool:
    """Train one model to its end; return False if it was asked to stop before that."""
    trainable = ready.backend.build(spec, ready.dataset, model.seed, ready.device)
    position = Position.start()
    saved = store.saved_state(model)
    if saved:
        tensors = store.load_state(saved)
        position = Position.from_tensors(tensors)
        trainable.load_state_dict({k.removeprefix("model/"): t for k, t in tensors.items() if k.startswith("model/")})
    observer.on_model(model, max(position.epoch, 0))

    def save(here: Position) -> CheckpointFile:
        state = {f"model/{name}": tensor for name, tensor in trainable.state_dict().items()}
        name = f"epoch-{here.epoch:04d}" + (f"-step-{here.step:06d}" if here.step else "")
        return store.save_state(run_id, model.index, name, state | here.as_tensors())

    timer = _Timer(options.checkpoint_minutes * 60)
    watch = Watch(observer.on_step, lambda: request.asked, timer.due)
    for event in fit(trainable, ready.dataset, spec.task, model.seed, position, watch):
        file = save(event.position)
        timer.restart()
        match event:
            case EpochDone(record, loss_S, _):
                series = {"train_loss": loss_S.numpy().astype("<f4").tobytes()} if len(loss_S) else {}
                store.record_epoch(model.id, record, series, file)
                observer.on_epoch(model, record)
                if request.asked and record.epoch < spec.task.epochs:
                    return False
            case Saved(here, stopping):
                store.record_checkpoint(model.id, here.epoch, here.step, file)
                if stopping:
                    return False
    return True


@contextmanager
def _recorded(store: Store, run_id: str) -> Iterator[None]:
    """Write the end of a run that breaks into the store, whatever broke it."""
    try:
        yield
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
