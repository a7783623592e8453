"""Runs that wait or were cancelled, as every command shows them."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from command_kit import TINY, Done

from analogcli.registry import load
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import Queue, Store, Wanted, collect, schema

DIGITS = {"task.dataset": "mnist5k", "task.model.hidden": [8], "task.batch_size": 100, "task.epochs": 1}


def spec(seed: int) -> RunSpec:
    """A run of a tenth of a second."""
    return load(None).spec("mnist-fcn", overrides=DIGITS | {"seed": seed})


@pytest.fixture
def waiting(analog: Callable[..., Done]) -> list[str]:
    """Ids of a finished run, one that waits and one that was cancelled, all of one sweep."""
    assert analog("run", "mnist-fcn", *TINY, "--epochs", "1").code == 0
    line = Queue(Store.open())
    line.add("mine", [Wanted(spec(seed), f"analog run mnist-fcn --seed {seed}") for seed in range(3)])
    ids = [entry.run_id for entry in line.waiting()]
    line.cancel(ids[2:])
    return ids


def test_status_shows_what_waits_and_counts_the_rest(analog: Callable[..., Done], waiting: list[str]) -> None:
    shown = analog("status").out
    assert shown.splitlines()[0].strip() == "1 finished, 1 queued, 1 cancelled"
    assert waiting[1][:8] in shown and waiting[0][:8] not in shown
    assert all(run_id[:8] in analog("status", "mine").out for run_id in waiting)
    rows = analog("status", "--json").json
    assert [row["status"] for row in rows] == ["finished", "queued", "cancelled"]
    assert rows[1] == {
        "run": waiting[1][:8], "sweep": "mine", "status": "queued", "waits": True, "epochs": None, "worker": None,
        "host": None, "lease (s)": None, "command": "analog run mnist-fcn --seed 1", "error": None,
    }  # fmt: skip
    unknown = analog("status", "fig4")
    assert unknown.code == 2 and "no sweep is called 'fig4'" in unknown.err


def test_a_sweep_is_found_by_any_name_of_its_figure(analog: Callable[..., Done]) -> None:
    assert analog("run", "mnist-fcn", *TINY, "--epochs", "0").code == 0
    Queue(Store.open()).add("response/fig4-123456", [Wanted(spec(0), "analog run mnist-fcn")])
    assert analog("status", "fig4", "--json").json == analog("status", "response/fig4", "--json").json != []


def test_an_empty_queue_is_said_so(analog: Callable[..., Done]) -> None:
    Store.open()
    assert analog("status").out == "the queue is empty; `analog sweep` fills it\n"
    assert analog("cancel", "--all").out == "nothing of it is queued or trained\n"
    assert analog("worker").code == 0


def test_runs_that_wait_are_listed_and_shown_and_not_compared_or_drawn(
    analog: Callable[..., Done], waiting: list[str]
) -> None:
    listed = analog("list", "runs", "--json").json
    assert sorted((run["status"], run["epochs"]) for run in listed) == [
        ("cancelled", "0/1"), ("finished", "1/1"), ("queued", "0/1")
    ]  # fmt: skip
    assert "queued" in analog("show", waiting[1]).out
    assert analog("show", "last", "--json").json["id"] == waiting[0], "the last that was begun"
    assert [run["run"] for run in analog("compare", "--json").json] == [waiting[0][:8]]
    assert [run["run"] for run in analog("compare", "--experiment", "mnist-fcn", "--json").json] == [waiting[0][:8]]
    exported = analog("export", waiting[1])
    assert exported.code == 2 and "Traceback" not in exported.err and exported.err.startswith("error: ")


def test_run_and_resume_train_what_waits_and_what_was_cancelled(
    analog: Callable[..., Done], waiting: list[str]
) -> None:
    done = analog("run", "mnist-fcn", *TINY, "--epochs", "1", "--seed", "1", "--json")
    assert (done.code, done.json["id"], done.json["status"]) == (0, waiting[1], "finished")
    assert "continuing" not in done.err, "it had not begun"
    assert analog("resume", waiting[2], "--json").json["status"] == "finished"
    assert Queue(Store.open()).claim() is None
    assert len(Store.open().runs()) == 3


def test_cancelling_names_runs_or_sweeps_or_all(analog: Callable[..., Done], waiting: list[str]) -> None:
    assert analog("cancel").code == analog("cancel", "mine", "--all").code == 2
    assert analog("cancel", "nothing").code == 2
    assert analog("cancel", waiting[1][:8]).out == f"run {waiting[1][:8]} cancelled\n"
    again = analog("sweep", "mnist-fcn", *TINY, "--epochs", "1", "--grid", "seed=0,1,2", "--workers", "1")
    assert again.code == 0, again.err
    assert "2 runs to train, 1 are stored; 1 at a time" in again.err
    assert {run.status for run in Store.open().runs()} == {"finished"}


def test_cancelling_all_leaves_a_run_alone_whose_process_is_gone(
    analog: Callable[..., Done], waiting: list[str]
) -> None:
    store = Store.open()
    left = store.begin(spec(7), collect(ExecutionOptions(), "cpu", None, None), repeatable=True, resolved={})
    with store.sessions() as session, session.begin():
        session.execute(sa.update(schema.Run).filter_by(id=left).values(pid=2**30))
    assert analog("cancel", "--all").out == f"run {waiting[1][:8]} cancelled\n"
    assert store.run(left).status == "interrupted"


def test_queued_runs_survive_being_deleted_and_copied_around(analog: Callable[..., Done], waiting: list[str]) -> None:
    assert analog("store", "delete", waiting[1], "--yes").code == 0
    assert [entry.run_id for entry in Queue(Store.open()).waiting()] == [waiting[0], waiting[2]]
