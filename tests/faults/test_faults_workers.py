"""Workers, sweeps, stores and clocks that fail: nothing stored is lost, and each fault is one clear sentence."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from command_kit import TINY, Done, Running, wait_until

from analogcli.bench import faults
from analogcli.registry import load
from analogcli.spec import RunSpec
from analogcli.store import Queue, Store, Wanted, schema

KILLS = {"sqlite": 200, "postgresql": 30}


def slow(seed: int, epochs: int = 40) -> RunSpec:
    """A run of a few seconds."""
    tiny = {"task.dataset": "mnist5k", "task.model.hidden": [8], "task.batch_size": 50, "task.epochs": epochs}
    return load(None).spec("mnist-fcn", overrides=tiny | {"seed": seed})


def queue(*seeds: int, epochs: int = 40) -> Queue:
    """The queue of the working folder's store with these runs in it."""
    line = Queue(Store.open())
    line.add("s", [Wanted(slow(seed, epochs), f"analog run --seed {seed}") for seed in seeds])
    return line


def stands() -> dict[int, str]:
    """Status by seed."""
    return {run.spec.seed: run.status for run in Store.open().runs()}


def begun() -> dict[int, int]:
    """The process of every run that is being trained and has recorded an epoch, by seed."""
    return {
        run.spec.seed: run.owner.pid
        for run in Store.open().runs()
        if run.status == "running" and run.models[0].epochs and run.owner.pid
    }


def sentences(err: str) -> list[str]:
    """What was said of a run that failed, and no traceback."""
    assert "Traceback" not in err, err
    return [line for line in err.splitlines() if " failed" in line or line.startswith("error: ")]


def test_however_many_workers_are_killed_every_run_is_finished_once_and_to_the_same_bits(
    address: str, request: pytest.FixtureRequest
) -> None:
    kills = KILLS["sqlite" if "sqlite" in request.node.callspec.id else "postgresql"]
    report = faults.campaign(Store.open(address), kills, 4, seed=1, on_kill=lambda report: None)
    assert report.problems == []
    assert report.kills == kills
    assert report.attempts > report.runs > 1, "some were killed in the middle and went on"


def test_the_campaign_sees_what_is_lost(workspace: Path) -> None:
    opened = Store.open()
    lost = False

    def lose(report: faults.Report) -> None:
        nonlocal lost
        with opened.sessions() as session, session.begin():
            session.connection(execution_options={"writes": True})
            done = list(session.scalars(sa.select(schema.Epoch).filter_by(epoch=3)))
            if done and not lost:
                session.delete(done[0])
                lost = True

    report = faults.campaign(opened, 6, 2, seed=0, on_kill=lose)
    assert lost and report.problems


def test_a_sweep_that_is_killed_again_and_again_gets_done_and_trains_nothing_twice(
    fork: Callable[..., Running], analog: Callable[..., Done]
) -> None:
    runs = ("--batch-size", "25", "--epochs", "6", "--grid", "seed=0,1,2")
    words = ("sweep", "mnist-fcn", *TINY, *runs, "--workers", "2")
    for least in (1, 5, 10):
        sweep = fork(*words)
        wait_until(lambda least=least, sweep=sweep: sweep.code() is not None or epochs() >= least)
        before = epochs()
        if sweep.code() is None:
            sweep.send(signal.SIGKILL)
        sweep.finish()
        assert epochs() >= before
    assert analog(*words).code == 0
    stored = Store.open().runs()
    assert [run.status for run in stored] == ["finished"] * 3
    assert [len(run.models[0].epochs) for run in stored] == [7] * 3
    assert Store.open().problems() == []


def epochs() -> int:
    """Epochs in the store of the working folder."""
    return Store.open().counts()["epochs"] if Path("results/analog.db").is_file() else 0


def test_a_store_that_is_locked_for_too_long_ends_a_worker_and_the_next_one_goes_on(
    fork: Callable[..., Running], analog: Callable[..., Done], workspace: Path
) -> None:
    queue(0)
    worker = fork("worker", "--store", "sqlite:///results/analog.db?timeout=0.3")
    wait_until(lambda: 0 in begun())
    with closing(sqlite3.connect(workspace / "results" / "analog.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = worker.finish()
        other.execute("ROLLBACK")
    assert done.code == 1
    (said,) = sentences(done.err)
    assert "was locked by another process for 0.3 s; try again, or see who holds it" in said
    assert stands() == {0: "interrupted"}
    assert analog("worker").code == 0
    assert stands() == {0: "finished"}


@pytest.mark.parametrize("how", ["truncated", "altered", "gone"])
def test_a_damaged_checkpoint_fails_its_run_with_a_sentence_and_the_others_go_on(
    fork: Callable[..., Running], analog: Callable[..., Done], how: str
) -> None:
    line = queue(0, epochs=60)
    worker = fork("worker")
    wait_until(lambda: 0 in begun())
    worker.send(signal.SIGKILL)
    worker.finish()
    store = Store.open()
    saved = store.saved_state(store.runs()[0].models[0])
    assert saved is not None
    file = store.folder / saved.file.path
    payload = file.read_bytes()
    match how:
        case "truncated":
            file.write_bytes(payload[:100])
        case "altered":
            file.write_bytes(payload[:-1] + bytes([payload[-1] ^ 1]))
        case "gone":
            file.unlink()
    line.add("other", [Wanted(slow(1, epochs=1), "analog run --seed 1")])
    done = analog("worker")
    assert done.code == 0, done.err
    assert stands() == {0: "failed", 1: "finished"}
    (said,) = sentences(done.err)
    assert saved.file.path in said and "`analog run --again` trains the run anew" in said
    assert store.runs()[0].error is not None


def test_a_store_of_a_newer_version_is_left_alone_by_workers_and_sweeps(analog: Callable[..., Done]) -> None:
    queue(0)
    with sqlite3.connect("results/analog.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for words in (("worker",), ("status",), ("cancel", "--all"), ("sweep", "mnist-fcn", *TINY, "--grid", "seed=0")):
        done = analog(*words)
        assert done.code == 1
        assert "was written by a newer analog (schema 9999); update analog." in done.err


def test_a_worker_whose_clock_is_hours_ahead_takes_nothing_from_one_that_lives(
    fork: Callable[..., Running], workspace: Path
) -> None:
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not installed")
    line = queue(0, epochs=200)
    first = fork("worker")
    wait_until(lambda: 0 in begun())
    line.add("other", [Wanted(slow(1, epochs=1), "analog run --seed 1")])
    ahead = {"LD_PRELOAD": str(library), "FAKETIME": "+5h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    second = subprocess.run(
        [sys.executable, "-m", "analogcli", "worker"],
        env=os.environ | ahead,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert second.returncode == 0, second.stderr
    assert first.finish().code == 0
    assert stands() == {0: "finished", 1: "finished"}
    assert [len(run.attempts) for run in Store.open().runs()] == [1, 1]
    when = sorted(run.attempts[0]["started_at"] for run in Store.open().runs())
    assert (when[1] - when[0]).total_seconds() > 4 * 3600, "the clock was not ahead"


def test_a_worker_that_was_asleep_for_longer_than_its_lease_loses_the_run_and_says_so(
    fork: Callable[..., Running], analog: Callable[..., Done]
) -> None:
    queue(0, epochs=100)
    sleeper = fork("worker")
    wait_until(lambda: 0 in begun())
    sleeper.send(signal.SIGSTOP)
    time.sleep(0.2)
    # As if it ran on another machine, and its lease were over.
    with Store.open().sessions() as session, session.begin():
        session.execute(sa.update(schema.Run).values(place="another machine", lease_until=0.0))
    assert analog("worker").code == 0
    finished = Store.open().runs()[0]
    sleeper.send(signal.SIGCONT)
    done = sleeper.finish()
    assert done.code == 0
    assert "is finished by now, as this process had not been heard of" in done.err
    assert "what was recorded of it until then is kept" in done.err
    after = Store.open().runs()[0]
    assert (after.status, after.models) == ("finished", finished.models)
    assert Store.open().problems() == []


def test_a_full_disk_is_a_sentence_for_each_run_and_the_same_sweep_goes_on_once_there_is_room(
    workspace: Path,
) -> None:
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    (workspace / "room").mkdir()
    mount = "mount -t tmpfs -o size=900k none room"
    if not shutil.which("unshare") or subprocess.run([*own, "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("this machine does not let a user mount a small disk")
    words = f"{sys.executable} -m analogcli sweep mnist-fcn --dataset mnist5k --set task.model.hidden=[128]"
    words += " --batch-size 100 --epochs 2 --grid seed=0,1 --workers 1 --store analog.db"
    script = f"""{mount} && cd room
        {words} >../out 2>../err; echo $? >../code
        {sys.executable} -m analogcli list runs --json --store analog.db >../listed
        mount -o remount,size=9m . && {words} >../out.2 2>../err.2; echo $? >../code.2
        {sys.executable} -m analogcli store check --store analog.db >../check
    """
    subprocess.run([*own, "sh", "-c", script], check=True, timeout=240)
    read = {path.name: path.read_text() for path in workspace.iterdir() if path.is_file()}
    assert read["code"].strip() == "1"
    assert "Traceback" not in read["err"]
    assert "No space left on device" in read["err"] or "the disk is full" in read["err"]
    assert read["code.2"].strip() == "0", read["err.2"]
    assert "2 runs: 2 finished, 0 failed, 0 stopped" in read["err.2"]
    assert read["check"] == "the store is sound\n"
