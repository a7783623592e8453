"""A fault campaign: workers are killed at random moments, again and again, and nothing that was stored may be lost.

Workers claim tiny runs from one store. One after the other is killed (SIGKILL) wherever it happens to be: while it
starts, claims, trains, writes a checkpoint, records an epoch, finishes. After every kill what was stored before must
still be there; in the end every run must be finished, once, to the very bits of a run that nobody disturbed.
"""

import hashlib
import multiprocessing
import random
import signal
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache

from analogcli.errors import RunFailed
from analogcli.registry import Registry, load
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import Queue, RunRecord, Store, Wanted
from analogcli.sweep.worker import Log, work
from analogcli.training import StopRequest

EPOCHS = 8
OPTIONS = ExecutionOptions(checkpoint_minutes=0.0001)
"""A checkpoint every 6 ms."""
PAUSE_S = 0.15
"""Mean time between two kills [s]."""
COMPARED = 10
"""Runs that are trained a second time, undisturbed: those with the most attempts."""
SWEEP = "kills"
LAZY = ("torch.fx.experimental.symbolic_shapes", "safetensors.torch")
"""What torch and the store import only when they first need it, which takes seconds."""


@dataclass
class Report:
    """What came of a campaign; ``problems`` is what must not be."""

    kills: int = 0
    runs: int = 0
    attempts: int = 0
    given_up: int = 0
    """Runs over which three workers died in a row, each of which was then queued again."""
    problems: list[str] = field(default_factory=list)


def campaign(store: Store, kills: int, workers: int, seed: int, on_kill: Callable[[Report], None]) -> Report:
    """Kill ``kills`` workers, ``workers`` of which are at work at a time, then let the others finish, and check.

    Raises:
        RunFailed: a worker ended by itself with an error.
    """
    # Forked from a process that has imported everything: a worker is there within a tenth of a second.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["analogcli.bench.faults", *LAZY])
    moments, report, line = random.Random(seed), Report(), Queue(store)
    plan: dict[str, Wanted] = {}
    planned = 0
    at_work: list[multiprocessing.context.ForkServerProcess] = []
    watched: dict[str, int] = {}
    while report.kills < kills or not all(entry.status == "finished" for entry in line.waiting(SWEEP)):
        entries = line.waiting(SWEEP)
        failed = sum(entry.status == "failed" for entry in entries)
        more = max(2 * workers - sum(not entry.is_over for entry in entries), 0) if report.kills < kills else 0
        if failed or more:  # As the same `analog sweep`, typed again, does: what was given up is tried again.
            left = [plan[entry.spec_hash] for entry in entries if entry.status != "finished"]
            new = [Wanted(_spec(planned + i), f"seed {planned + i}") for i in range(more)]
            plan, planned = {one.spec.hash: one for one in left + new}, planned + more
            line.add(SWEEP, left + new)
        report.given_up += failed
        at_work = [process for process in at_work if _still(process)]
        while len(at_work) < workers:
            at_work.append(context.Process(target=_worker, args=(store.location.address,), daemon=True))
            at_work[-1].start()
        time.sleep(moments.expovariate(1 / PAUSE_S))
        if report.kills < kills:
            _kill(moments.choice(at_work), report)
            _look(store, watched, report)
            on_kill(report)
    for process in at_work:
        process.join()
    _judge(store, planned, report)
    return report


@cache
def _registry() -> Registry:
    return load(None)


def _spec(seed: int) -> RunSpec:
    """Return a run of a good tenth of a second that needs neither data nor compiled loops."""
    return _registry().spec("aihwkit-01", setting="fp-sgd", overrides={"task.epochs": EPOCHS, "seed": seed})


def _worker(address: str) -> None:
    request = StopRequest(lambda: None)
    work(Store.open(address), OPTIONS, request, lambda: nullcontext(Log(lambda _: None)), lambda *_: None, sweep=SWEEP)


def _still(process: "multiprocessing.context.ForkServerProcess") -> bool:
    if process.is_alive():
        return True
    if process.exitcode not in (0, -signal.SIGKILL):
        raise RunFailed(f"a worker ended with exit status {process.exitcode}; what it said stands above")
    return False


def _kill(process: "multiprocessing.context.ForkServerProcess", report: Report) -> None:
    process.kill()
    process.join()
    report.kills += process.exitcode == -signal.SIGKILL


def _look(store: Store, watched: dict[str, int], report: Report) -> None:
    """Check that nothing that was there is gone."""
    for run in store.heads():
        if run.furthest < watched.get(run.id, 0):
            report.problems.append(f"run {run.id[:8]} had {watched[run.id]} epochs and has {run.furthest}")
        watched[run.id] = run.furthest
        if run.status not in ("queued", "running", "interrupted", "failed", "finished"):
            report.problems.append(f"run {run.id[:8]} is {run.status}")


def _judge(store: Store, planned: int, report: Report) -> None:
    """Check what is left in the end."""
    runs = store.runs()
    report.runs, report.attempts = len(runs), sum(len(run.attempts) for run in runs)
    report.problems += store.problems()
    if len(runs) != planned or len({run.spec_hash for run in runs}) != planned:
        report.problems.append(f"{planned} runs were planned and {len(runs)} are stored")
    for run in runs:
        if run.status != "finished" or [e.epoch for e in run.models[0].epochs] != list(range(EPOCHS + 1)):
            report.problems.append(f"run {run.short_id} is {run.status} after {run.epochs_done} of {EPOCHS} epochs")
    alone = Store.open(str(store.folder / "undisturbed" / "analog.db"))
    line = Queue(alone)
    most_disturbed = sorted(runs, key=lambda run: len(run.attempts))[-COMPARED:]
    line.add(SWEEP, [Wanted(run.spec, "") for run in most_disturbed])
    _worker(alone.location.address)
    for run in alone.runs():
        if _bits(alone, run) != _bits(store, store.runs(spec_hash=run.spec_hash)[0]):
            report.problems.append(f"run {run.short_id} has other bits than when nobody is killed")


def _bits(store: Store, run: RunRecord) -> list[object]:
    """Return all that does not depend on the time that a run took."""
    (model,) = run.models
    saved = store.saved_state(model)
    tensors = store.load_state(saved) if saved else {}
    digests = {
        name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
        for name, tensor in tensors.items()
        if name != "progress/seconds"
    }
    return [[(e.train_loss, e.test_loss, e.mean_abs_gradient, e.lr) for e in model.epochs], digests]
