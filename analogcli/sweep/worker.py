"""A worker: claims runs from the queue, one after the other, and trains each, until none is left or it is to stop."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from analogcli import backends
from analogcli.errors import AnalogError, RunFailed, RunTaken
from analogcli.spec import ExecutionOptions
from analogcli.store import EpochRecord, ModelRecord, Queue, RunRecord, Store
from analogcli.training import Observer, StopRequest, resume, resume_together

WAIT_S = 1.0
"""How often a worker that waits for further runs looks for one [s]."""

View = Callable[[], AbstractContextManager[Observer]]


def work(
    store: Store,
    options: ExecutionOptions,
    request: StopRequest,
    view: View,
    on_end: Callable[[RunRecord, str], None],
    *,
    sweep: str | None = None,
    wait: bool = False,
) -> None:
    """Train what is queued, of ``sweep`` or of all, until nothing is left (``wait``: for ever) or stop is asked for.

    A run that fails stops nobody. One that is stopped goes back into the queue with its checkpoint. ``on_end`` is told
    how each run stands after it and, if it did not finish, why.

    Raises:
        StoreError: the store cannot be read or written any more.
    """
    queue = Queue(store)
    while not request.asked:
        run = queue.claim(sweep)
        if run is not None:
            for ended in _together(queue, [run, *_alike(queue, run, sweep, options)], options, request, view):
                on_end(*ended)
        elif wait:
            time.sleep(WAIT_S)
        else:
            return


def _alike(queue: Queue, run: RunRecord, sweep: str | None, options: ExecutionOptions) -> list[RunRecord]:
    """Claim what else waits and can be trained at once with a run."""
    backend = backends.get(run.spec.backend)
    if options.fuse != "auto" or not isinstance(backend, backends.Fuses):
        return []
    waiting = [entry.spec_hash for entry in queue.waiting(sweep) if entry.status == "queued"]
    heads = queue.store.heads(spec_hash=waiting) if waiting else []
    alike = backend.alike(run.spec)
    of_engine = [head for head in heads if head.spec_data["backend"] == run.spec.backend]
    return queue.claim_too([head.id for head in of_engine if backend.alike(head.spec) == alike])


def _together(
    queue: Queue, runs: Sequence[RunRecord], options: ExecutionOptions, request: StopRequest, view: View
) -> Iterator[tuple[RunRecord, str]]:
    """Train runs at once; where one of them breaks each of them alone, so that only that one fails."""
    if len(runs) > 1:
        try:
            with view() as observer:
                asked = StopRequest(observer.on_stop_request, of=request)
                ended = resume_together(queue.store, runs, options, observer, asked)
        except KeyboardInterrupt:
            _release(queue, runs)
            raise
        except (RunFailed, RunTaken):
            pass
        else:
            stopped = [run for run in ended if run.status == "interrupted"]
            _release(queue, stopped)
            for run in ended:
                now = queue.store.runs(id=run.id)[0]
                yield now, "stopped at a checkpoint" if run in stopped else ""
            return
    for run in runs:
        yield _one(queue, run, options, request, view)


def _release(queue: Queue, runs: Sequence[RunRecord]) -> None:
    for run in runs:
        with suppress(RunTaken):
            queue.release(run.id)


def _one(
    queue: Queue, run: RunRecord, options: ExecutionOptions, request: StopRequest, view: View
) -> tuple[RunRecord, str]:
    store, reason = queue.store, ""
    try:
        with view() as observer:
            # A request of its own: to cancel this run is not to stop the worker.
            ended = resume(store, run, options, observer, StopRequest(observer.on_stop_request, of=request))
        if ended.status == "interrupted":
            reason = "stopped at a checkpoint"
            queue.release(run.id)
    except KeyboardInterrupt:
        with suppress(RunTaken):
            queue.release(run.id)
        raise
    except RunTaken as exc:
        reason = str(exc)
    except AnalogError as exc:
        reason = str(exc)
        # What broke before the training began is not written down yet; a store that cannot be written ends the worker.
        if [stored.status for stored in store.runs(id=run.id)] not in (["failed"], []):
            with suppress(RunTaken):
                store.end(run.id, "failed", reason)
    return next(iter(store.runs(id=run.id)), run), reason


@dataclass(frozen=True)
class Log:
    """A run as lines of a log; see :class:`analogcli.training.Observer`."""

    say: Callable[[str], None]

    def on_start(self, run: RunRecord, steps_per_epoch: int) -> None:
        """Say which run begins."""
        self.say(f"run {run.short_id}: {run.spec.experiment} {run.spec.setting}, backend {run.spec.backend}")

    def on_note(self, note: str) -> None:
        """Say what is not as asked."""
        self.say(f"note: {note}")

    def on_models(self, models: Sequence[ModelRecord], epochs_done: int) -> None:
        """Say nothing: the store has it."""

    def on_step(self, epoch: int, step: int, steps: int) -> None:
        """Say nothing."""

    def on_epoch(self, models: Sequence[ModelRecord], records: Sequence[EpochRecord]) -> None:
        """Say which epoch is done."""
        self.say(f"epoch {records[0].epoch}")

    def on_stop_request(self) -> None:
        """Say that the run is to be cancelled."""
        self.say("cancelled: stopping at a checkpoint …")
