"""Sweeps in worker processes: all finish, a failure stops nobody, and whatever is stopped goes on next time."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from command_kit import TINY, Done, Result, Running, wait_until

from analogcli.registry import load
from analogcli.spec import RunSpec
from analogcli.store import Queue, Store, Wanted

SLOW = (
    "--dataset", "mnist5k", "--set", "task.model.hidden=[8]", "--batch-size", "25", "--epochs", "8",
    "--setting", "analog-sgd", "--set", "update.fidelity=mean-field",
)  # fmt: skip
"""Half a second an epoch."""


def tiny(seed: int) -> RunSpec:
    """A run of a tenth of a second."""
    tiny = {"task.dataset": "mnist5k", "task.model.hidden": [8], "task.batch_size": 100, "task.epochs": 1}
    return load(None).spec("mnist-fcn", overrides=tiny | {"seed": seed})


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system binds no process to a core")
def test_there_are_no_more_workers_than_cores_that_this_process_may_use() -> None:
    bound = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    asked = f"{bound}; from analogcli.sweep import default_workers; print(default_workers())"
    assert subprocess.check_output([sys.executable, "-c", asked], text=True) == "1\n"


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended, even if nobody has asked for it yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


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
    assert os.getpid() not in pids and done.err.index("start") < done.err.index("finished")
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
    assert "is not a number in epoch 1" in log.read_text()


def test_what_a_killed_worker_trained_goes_on_in_the_next_and_comes_to_the_same_bits(
    fork: Callable[..., Running], analog: Callable[..., Done], result_of: Callable[..., Result]
) -> None:
    words = ("sweep", "mnist-fcn", *SLOW, "--grid", "seed=0,1", "--workers", "2")
    sweep = fork(*words)
    wait_until(lambda: 1 in trainers())
    os.kill(trainers()[1], signal.SIGKILL)
    done = sweep.finish()
    assert done.code == 0
    assert stored() == [(0, "finished"), (1, "finished")]
    assert "a worker was killed by SIGKILL; what it trained goes on from its last checkpoint (log: " in done.err
    assert f"again     analog run mnist-fcn {' '.join(SLOW[-4:])}"[:30] in done.err
    assert "2 runs: 2 finished, 0 failed, 0 stopped" in done.err
    (continued,) = [run for run in Store.open().runs() if run.spec.seed == 1]
    assert len(continued.attempts) == 2
    resumed = result_of(continued.id)
    analog("run", "mnist-fcn", *SLOW, "--seed", "1", "--again")
    assert result_of() == resumed


def test_workers_of_a_killed_sweep_stop_at_checkpoints_and_the_same_command_goes_on(
    fork: Callable[..., Running], analog: Callable[..., Done]
) -> None:
    words = ("sweep", "mnist-fcn", *SLOW, "--epochs", "30", "--grid", "seed=0,1", "--workers", "2")
    sweep = fork(*words)
    wait_until(lambda: len(trainers()) == 2)
    workers = [psutil.Process(pid) for pid in trainers().values()]
    sweep.send(signal.SIGKILL)
    sweep.finish()
    wait_until(lambda: all(map(is_gone, workers)))
    assert stored() == [(0, "queued"), (1, "queued")], "nobody trains what nobody waits for"
    epochs = [len(run.models[0].epochs) for run in Store.open().runs()]
    assert analog(*words).code == 0
    assert stored() == [(0, "finished"), (1, "finished")]
    assert all(epochs)
    assert [len(run.attempts) for run in Store.open().runs()] == [2, 2]


def test_two_sweeps_of_the_same_train_it_once_and_both_see_it_done(fork: Callable[..., Running]) -> None:
    words = ("sweep", "mnist-fcn", *SLOW, "--epochs", "3", "--grid", "seed=0,1,2")
    sweeps = [fork(*words, "--workers", "1"), fork(*words, "--workers", "2")]
    done = [sweep.finish() for sweep in sweeps]
    assert [one.code for one in done] == [0, 0], done
    assert stored() == [(0, "finished"), (1, "finished"), (2, "finished")]
    assert [len(run.attempts) for run in Store.open().runs()] == [1, 1, 1]
    for one in done:
        assert "3 runs: 3 finished, 0 failed, 0 stopped" in one.err


def test_two_runs_of_the_same_spec_train_it_once(fork: Callable[..., Running]) -> None:
    words = ("run", "mnist-fcn", *SLOW, "--epochs", "3")
    done = [run.finish() for run in [fork(*words), fork(*words)]]
    assert sorted(one.code for one in done) in ([0, 2], [0, 0]), done
    assert stored() == [(0, "finished")]
    assert len(Store.open().runs()[0].attempts) == 1
    for one in done:
        assert one.code == 0 or "is being trained by process" in one.err


def test_a_detached_sweep_is_watched_and_cancelled_by_name(analog: Callable[..., Done], workspace: Path) -> None:
    words = ("sweep", "mnist-fcn", *SLOW, "--epochs", "200", "--grid", "seed=0,1,2", "--workers", "2", "--detach")
    done = analog(*words)
    assert (done.code, done.out) == (0, "")
    name = re.search(r"3 runs queued as (mnist-fcn-[0-9a-f]{6}); 2 workers: process \d+, process \d+", done.err)
    assert name, done.err
    wait_until(lambda: len(trainers()) == 2)
    workers = [psutil.Process(pid) for pid in trainers().values()]
    try:
        rows = analog("status", name[1], "--json").json
        assert [row["status"] for row in rows] == ["running", "running", "queued"]
        assert {row["worker"] for row in rows[:2]} == {f"process {worker.pid}" for worker in workers}
        assert all(0 < row["lease (s)"] <= 60 and row["host"] for row in rows[:2])
        assert "1 queued" in analog("status").out
        assert analog("cancel", name[1]).out.count("stops at its next checkpoint") == 2
        wait_until(lambda: all(map(is_gone, workers)))
        assert stored() == [(0, "cancelled"), (1, "cancelled"), (2, "cancelled")]
        assert analog("cancel", "--all").out == "nothing of it is queued or trained\n"
    finally:
        for worker in workers:
            with suppress(psutil.Error):
                worker.kill()
    # A cancelled run can be gone on with.
    begun = next(run for run in Store.open().runs() if run.models[0].epochs)
    assert analog("show", begun.id).out.startswith(f"run            {begun.short_id}  cancelled")


def test_a_worker_by_hand_trains_what_is_queued_until_nothing_is_left(
    analog: Callable[..., Done], fork: Callable[..., Running]
) -> None:
    Queue(Store.open()).add("mine", [Wanted(tiny(seed), f"analog run --seed {seed}") for seed in (0, 1)])
    assert [row["status"] for row in analog("list", "runs", "--json").json] == ["queued", "queued"]
    waiting = fork("worker", "--sweep", "mine", "--wait")
    wait_until(lambda: stored() == [(0, "finished"), (1, "finished")])
    assert waiting.code() is None, "it waits for more"
    Queue(Store.open()).add("mine", [Wanted(tiny(2), "analog run --seed 2")])
    wait_until(lambda: stored()[2:] == [(2, "finished")])
    waiting.send(signal.SIGTERM)
    assert waiting.finish().code == 130
    Queue(Store.open()).add("mine", [Wanted(tiny(3), "analog run --seed 3")])
    assert analog("worker").code == 0
    assert stored()[3:] == [(3, "finished")]
    assert analog("worker", "--sweep", "none").code == 2


def test_workers_that_cannot_begin_end_the_sweep_with_what_they_say(
    analog: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = analog("sweep", "mnist-fcn", *TINY, "--grid", "seed=0,1", "--cuda", "x")
    assert done.code == 2 and "--cuda 'x' is not a number or several, e.g. --cuda 0,1" in done.err
    assert stored() == []


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
    assert stored() == [(0, "queued"), (1, "queued")]
    assert "takes the rest out of the queue" in done.err
    assert all(map(is_gone, children))
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
    assert not all(run.attempts for run in Store.open().runs()), "the third was not begun"
    assert "Traceback" not in done.err
