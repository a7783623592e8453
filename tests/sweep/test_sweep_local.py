"""Sweeps in worker processes: all finish, a failure stops nobody, and whatever is stopped goes on next time."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
from command_kit import TINY, Done, Result, Running, wait_until

from analogcli.store import Store

SLOW = (
    "--dataset", "mnist5k", "--set", "task.model.hidden=[8]", "--batch-size", "25", "--epochs", "8",
    "--setting", "analog-sgd", "--set", "update.fidelity=mean-field",
)  # fmt: skip
"""Half a second an epoch."""


def stored() -> list[tuple[int, str]]:
    """Seed and status of every run, in the order of seeds."""
    if not Path("results/analog.db").is_file():
        return []
    return sorted((run.spec.seed, run.status) for run in Store.open().runs())


def trainers() -> dict[int, int]:
    """The process of every run that is being trained and has recorded an epoch, by seed."""
    if not Path("results/analog.db").is_file():
        return {}
    return {
        run.spec.seed: run.owner.pid
        for run in Store.open().runs(status="running")
        if run.status == "running" and run.models[0].epochs and run.owner.pid
    }


def test_two_workers_train_all_in_processes_of_their_own_and_then_nothing_is_left(
    fork: Callable[..., Running], analog: Callable[..., Done], result_of: Callable[..., Result]
) -> None:
    words = ("sweep", "mnist-fcn", *TINY, "--epochs", "1", "--grid", "seed=1,2", "--workers", "2")
    done = fork(*words).finish()
    assert done.code == 0, done.err
    assert stored() == [(1, "finished"), (2, "finished")]
    assert "2 runs to train; 2 at a time" in done.err
    assert "2 runs: 2 finished, 0 failed, 0 stopped" in done.err
    assert len(done.out.splitlines()) == 3, "the comparison, with a header, is all of stdout"
    pids = {run.owner.pid for run in Store.open().runs()}
    assert len(pids) == 2 and os.getpid() not in pids
    again = analog(*words)
    assert (again.code, again.out) == (0, "all 2 runs are stored\n")
    # A run of a sweep is the run of its command.
    swept = result_of(next(run.id for run in Store.open().runs() if run.spec.seed == 2))
    analog("run", "mnist-fcn", *TINY, "--epochs", "1", "--seed", "2", "--again")
    assert result_of() == swept


def test_a_run_that_fails_stops_nobody_and_is_reported_with_its_reason_and_log(
    analog: Callable[..., Done], workspace: Path, tmp_path: Path
) -> None:
    store = str(tmp_path / "else where" / "a b.db")
    grid = ("--grid", "lr=0.1,1e38", "--set", "task.model.activation=relu", "--workers", "2")
    done = analog("sweep", "mnist-fcn", *TINY, "--epochs", "1", *grid, "--store", store)
    assert done.code == 1
    assert not (workspace / "results").exists(), "the workers use the store that was named"
    assert sorted(run.status for run in Store.open(store).runs()) == ["failed", "finished"]
    assert "2 runs: 1 finished, 1 failed, 0 stopped" in done.err
    (line,) = [line for line in done.err.splitlines() if line.startswith("failed: ")]
    assert "--lr 1e+38" in line and "the training loss of the model with seed 0 is not a number" in line
    log = Path(line.rpartition("log: ")[2].rstrip(")"))
    assert "error: run" in log.read_text()


def test_a_worker_that_is_killed_is_reported_by_the_name_of_the_signal_and_continued_by_the_next_sweep(
    fork: Callable[..., Running], analog: Callable[..., Done], result_of: Callable[..., Result]
) -> None:
    words = ("sweep", "mnist-fcn", *SLOW, "--grid", "seed=0,1", "--workers", "2")
    sweep = fork(*words)
    wait_until(lambda: 1 in trainers())
    os.kill(trainers()[1], signal.SIGKILL)
    done = sweep.finish()
    assert done.code == 1
    assert stored() == [(0, "finished"), (1, "interrupted")]
    assert "killed by SIGKILL" in done.err
    assert "2 runs: 1 finished, 1 failed, 0 stopped" in done.err
    assert analog(*words).code == 0
    assert stored() == [(0, "finished"), (1, "finished")]
    continued = Store.open().runs()[-1] if Store.open().runs()[-1].spec.seed == 1 else Store.open().runs()[0]
    assert len(continued.attempts) == 2
    resumed = result_of(continued.id)
    analog("run", "mnist-fcn", *SLOW, "--seed", "1", "--again")
    assert result_of() == resumed


def test_ctrl_c_stops_all_at_checkpoints_and_the_same_command_finishes_them(
    fork: Callable[..., Running], analog: Callable[..., Done]
) -> None:
    # Long enough for the second worker to begin before the first one is done, however busy the machine is.
    words = ("sweep", "mnist-fcn", *SLOW, "--epochs", "50", "--grid", "seed=0,1", "--workers", "2")
    sweep = fork(*words)
    wait_until(lambda: len(trainers()) == 2)
    children = psutil.Process(sweep.pid).children()
    sweep.send(signal.SIGINT)
    done = sweep.finish()
    assert done.code == 130
    assert "stopping all runs at a checkpoint" in done.err
    assert "2 runs: 0 finished, 0 failed, 2 stopped" in done.err
    assert "the same command goes on from the checkpoints" in done.err
    assert stored() == [(0, "interrupted"), (1, "interrupted")]
    assert not any(child.is_running() for child in children)
    assert analog(*words).code == 0
    assert stored() == [(0, "finished"), (1, "finished")]
    assert [len(run.attempts) for run in Store.open().runs()] == [2, 2]


def test_ctrl_c_before_the_workers_are_up_is_stopping_too(fork: Callable[..., Running]) -> None:
    # Far longer than it takes until the signal is there.
    sweep = fork("sweep", "mnist-fcn", *SLOW, "--epochs", "100", "--grid", "seed=0,1,2", "--workers", "2")
    sweep.says("start     ")
    sweep.send(signal.SIGINT)
    done = sweep.finish()
    assert done.code == 130, done.err
    assert "3 runs: 0 finished, 0 failed, 3 stopped" in done.err
    assert len(stored()) < 3, "the third was not begun"
    assert "Traceback" not in done.err
