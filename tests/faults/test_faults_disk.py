"""The disk is full, read-only, or the store is locked by another process: one clear sentence, and it goes on later."""

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from command_kit import TINY, Done, Result, Running, wait_until

from analogcli.store import Store

ANALOG = f"{shlex.quote(sys.executable)} -m analogcli"
RUN = f"{ANALOG} run mnist-fcn --dataset mnist5k --set task.model.hidden=[128] --batch-size 100 --epochs 2"
"""A checkpoint of about 400 KB."""


@pytest.fixture
def room(workspace: Path) -> Callable[[str], list[Done]]:
    """Commands, one a line, in a small disk of their own: a tmpfs that nobody else sees and that goes with them."""
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    folder = workspace / "room"
    folder.mkdir()
    mount = f"mount -t tmpfs -o size=1m none {shlex.quote(str(folder))}"
    if not shutil.which("unshare") or subprocess.run([*own, "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("this machine does not let a user mount a small disk")

    def run(script: str) -> list[Done]:
        lines = [line.strip() for line in script.strip().splitlines()]
        program = f"{mount} && cd room\n"
        program += "".join(f"{line} >../out.{i} 2>../err.{i}; echo $? >../code.{i}\n" for i, line in enumerate(lines))
        subprocess.run([*own, "sh", "-c", program], check=True, timeout=240)
        parts = [
            [(workspace / f"{name}.{i}").read_text() for name in ("code", "out", "err")] for i in range(len(lines))
        ]
        return [Done(int(code), out, err) for code, out, err in parts]

    return run


def one_sentence(done: Done) -> str:
    """What went wrong, which must be one line and no traceback."""
    assert "Traceback" not in done.err, done.err
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    return line


def test_a_full_disk_is_a_sentence_and_everything_goes_on_once_there_is_room(
    room: Callable[[str], list[Done]], analog: Callable[..., Done]
) -> None:
    _, no_store, _, no_checkpoint, shown, check, _, no_epoch, listed, _, _, resumed, check_again = room(
        f"""
        mount -o remount,size=64k .
        {RUN} --store store/analog.db
        mount -o remount,size=700k .
        {RUN} --store store/analog.db
        {ANALOG} show last --json --store store/analog.db
        {ANALOG} store check --store store/analog.db
        dd if=/dev/zero of=filler bs=4k
        {RUN} --store store/analog.db --again
        {ANALOG} list runs --json --store store/analog.db
        rm filler
        mount -o remount,size=8m .
        {ANALOG} resume last --json --store store/analog.db
        {ANALOG} store check --store store/analog.db
        """
    )
    assert no_store.code == no_checkpoint.code == no_epoch.code == 1
    assert "store/analog.db could not be written: the disk is full; make room" in one_sentence(no_store)
    assert re.search(
        r"checkpoint .* could not be written: No space left on device; make room .*`analog resume` the run",
        one_sentence(no_checkpoint),
    )
    assert (shown.json["status"], check.code) == ("failed", 0)
    assert "No space left on device" in shown.json["error"]
    assert re.search("the disk is full|No space left on device", one_sentence(no_epoch))
    assert {run["status"] for run in json.loads(listed.out or "[]")} <= {"failed", "interrupted"}
    assert (resumed.code, resumed.json["status"], check_again.code) == (0, "finished", 0)
    alone = analog(*shlex.split(RUN)[3:], "--json").json
    drop_time = [
        [e | {"seconds": 0, "recorded_at": ""} for e in run["models"][0]["epochs"]] for run in (resumed.json, alone)
    ]
    assert drop_time[0] == drop_time[1]


def test_a_read_only_folder_is_a_sentence(room: Callable[[str], list[Done]]) -> None:
    words = f"{ANALOG} run mnist-fcn {shlex.join(TINY)} --epochs 0"
    *_, again, other, sweep = room(
        f"""
        touch analog.db
        {ANALOG} list runs --store analog.db
        mount -o remount,ro .
        {words} --store analog.db
        {words} --store other/analog.db
        {ANALOG} sweep mnist-fcn {shlex.join(TINY)} --grid seed=1 --store analog.db
        """
    )
    for done in (again, other, sweep):
        assert done.code == 1
        assert re.search(
            "read-only|cannot be opened; check that its folder may be written|Read-only file system",
            one_sentence(done),
        )
        assert "choose another --store" in one_sentence(done)


def test_a_store_locked_for_too_long_is_a_sentence_and_the_run_goes_on_later(
    fork: Callable[..., Running], analog: Callable[..., Done], result_of: Callable[..., Result], workspace: Path
) -> None:
    words = (
        "run",
        "mnist-fcn",
        "--setting",
        "analog-sgd",
        "--set",
        "update.fidelity=mean-field",
        *TINY,
        "--epochs",
        "8",
    )
    running = fork(*words, "--store", "sqlite:///results/analog.db?timeout=0.3")
    file = workspace / "results" / "analog.db"
    wait_until(lambda: file.is_file() and running.err.startswith("run "))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = running.finish()
        other.execute("ROLLBACK")
    assert done.code == 1
    assert "was locked by another process for 0.3 s; try again, or see who holds it" in one_sentence(done)
    assert analog("store", "check").code == 0
    assert Store.open().run("last").status in ("failed", "interrupted")
    assert analog("resume", "last").code == 0
    resumed = result_of()
    analog(*words, "--again")
    assert result_of() == resumed
