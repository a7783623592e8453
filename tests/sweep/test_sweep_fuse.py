"""Runs of a sweep that train at once are the runs that they are alone: bits, stops, failures, memory."""

import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from command_kit import Done, Result, Running, wait_until

from analogcli.backends import Fuses, get
from analogcli.registry import load
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import Queue, Store, Wanted
from analogcli.sweep.worker import Log, work
from analogcli.training import StopRequest
from analogcli.training import device as devices

SMALL = (
    "--dataset", "mnist5k", "--set", "task.model.hidden=[8]", "--n-models", "2", "--var", "0.2",
    "--resistor-noise", "0.015", "--grid", "lr=500,3000", "--grid", "setting=double-linear,double-exponential",
)  # fmt: skip
SWEEP = ("sweep", "magnetoionic-mnist", *SMALL, "--workers", "1")
BAD = """
from analogcli.magnetoionic import LinearLaw

class Bad(LinearLaw):
    def shift(self, w, u):
        raise RuntimeError("this device burns")
"""


def by_spec(result_of: Callable[..., Result], store: str) -> dict[str, Result]:
    """The bits of every run of a store, by the hash of its spec."""
    return {run.spec_hash: result_of(run.id, store) for run in Store.open(store).runs()}


def test_a_sweep_that_trains_at_once_gives_the_bits_of_its_runs_alone(
    analog: Callable[..., Done], result_of: Callable[..., Result]
) -> None:
    assert analog(*SWEEP, "--epochs", "2", "--fuse", "auto", "--store", "together.db").code == 0
    assert analog(*SWEEP, "--epochs", "2", "--store", "alone.db").code == 0
    together, alone = by_spec(result_of, "together.db"), by_spec(result_of, "alone.db")
    assert len(together) == 4
    assert together == alone
    begun = [run.attempts[0]["started_at"] for run in Store.open("together.db").runs()]
    ended = [run.updated_at for run in Store.open("together.db").runs()]
    assert max(begun) < min(ended), "all were trained at the same time"


def test_what_is_stopped_goes_on_at_once_to_the_same_bits(
    fork: Callable[..., Running], analog: Callable[..., Done], result_of: Callable[..., Result]
) -> None:
    words = (*SWEEP, "--epochs", "12", "--fuse", "auto", "--store", "stopped.db")
    sweep = fork(*words)
    wait_until(lambda: Path("stopped.db").is_file() and Store.open("stopped.db").counts()["epochs"] >= 16)
    sweep.send(signal.SIGTERM)
    sweep.finish()
    assert {run.status for run in Store.open("stopped.db").runs()} <= {"queued", "interrupted"}
    assert analog(*words).code == 0
    assert analog(*words[:-1], "whole.db").code == 0
    assert by_spec(result_of, "stopped.db") == by_spec(result_of, "whole.db")


def queued(*specs: RunSpec) -> Queue:
    queue = Queue(Store.open())
    queue.add("s", [Wanted(spec, "analog run") for spec in specs])
    return queue


def spec(setting: str, **fields: Any) -> RunSpec:
    small = {"task.dataset": "mnist5k", "task.model.hidden": [8], "task.epochs": 1}
    return load().spec("magnetoionic-mnist", setting=setting, overrides=small | fields)


def trained(queue: Queue) -> dict[str, str]:
    """Train all that is queued at once; return what each run ended with, by its law."""
    said: dict[str, str] = {}
    work(
        queue.store,
        ExecutionOptions(fuse="auto"),
        StopRequest(lambda: None),
        lambda: nullcontext(Log(lambda _: None)),
        lambda run, reason: said.update({str(run.spec.leaves()["algorithm.law"]): f"{run.status} {reason}".strip()}),
    )
    return said


def test_a_run_that_fails_fails_alone(workspace: Path) -> None:
    Path("bad.py").write_text(BAD, encoding="utf-8")
    said = trained(queued(spec("double-linear"), spec("double-linear", **{"algorithm.law": "bad.py:Bad"})))
    assert said["linear"] == "finished"
    assert said["bad.py:Bad"].startswith("failed") and "this device burns" in said["bad.py:Bad"]


def test_each_record_has_the_rate_of_its_own_run(workspace: Path) -> None:
    queue = queued(*(spec("double-linear", **{"task.lr": lr}) for lr in (500, 3000)))
    trained(queue)
    assert [[e.lr for e in run.models[0].epochs] for run in queue.store.runs()] == [[None, 500], [None, 3000]]


def test_no_more_models_are_trained_at_once_than_memory_has_room_for(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, result_of: Callable[..., Result]
) -> None:
    from analogcli import data

    one = spec("double-linear", n_models=3)
    backend = get("magnetoionic")
    assert isinstance(backend, Fuses)
    size = backend.bytes_of_model(one, data.load("mnist5k", None, torch.device("cpu"), progress=False))
    groups: list[int] = []
    build = type(backend).build_several
    monkeypatch.setattr(devices, "free_bytes", lambda device: 4 * size)
    monkeypatch.setattr(
        type(backend),
        "build_several",
        lambda self, specs, *rest: groups.append(len(specs)) or build(self, specs, *rest),
    )
    trained(queued(one, spec("double-exponential")))
    assert groups == [2, 2]


@pytest.mark.parametrize("typed", ["0", "two", "-1"])
def test_a_wrong_number_of_models_is_a_sentence(typed: str, analog: Callable[..., Done]) -> None:
    done = analog("run", "mnist-fcn", f"--fuse={typed}")
    assert done.code == 2
    assert f"--fuse {typed} is neither a number of models nor auto" in done.err
