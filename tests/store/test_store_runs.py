"""What the store remembers of a run, how a run is named, and what is left of it when it is deleted."""

import os
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest
import sqlalchemy as sa
from store_helpers import NO_FILE, begin, epoch, files_of, provenance, spec, take_over, train_one

from analogcli.errors import AlreadyStored, RunTaken, StoreError, UnknownName, UsageError
from analogcli.store import ModelEpoch, Store, claims, processes
from analogcli.store.schema import Run


def owned_by(store: Store, run_id: str, pid: int, started: float, **elsewhere: object) -> None:
    """Let the run belong to another process; ``elsewhere`` are further columns."""
    columns = {"pid": pid, "process_started": started} | elsewhere
    with store.sessions() as session, session.begin():
        session.execute(sa.update(Run).filter_by(id=run_id).values(**columns))


def started(pid: int) -> float:
    """When a process of this machine started, as the store writes it."""
    return processes._started(pid)


def test_a_run_is_stored_before_any_work_is_done(store: Store) -> None:
    run = store.run(begin(store, n_models=3, seed=5))
    assert run.spec == spec(n_models=3, seed=5)
    assert run.spec_hash == run.spec.hash
    assert (run.status, run.error, run.epochs_done, run.epochs_planned) == ("running", None, 0, 30)
    assert [(m.index, m.seed, m.epochs) for m in run.models] == [(0, 5, ()), (1, 6, ()), (2, 7, ())]
    assert timedelta(0) <= datetime.now(UTC) - run.created_at < timedelta(minutes=1)
    assert {k: run.attempts[0][k] for k in asdict(provenance())} == asdict(provenance())


def test_what_was_recorded_is_read_back_to_the_last_digit(store: Store) -> None:
    run = store.run(begin(store))
    third = 1 / 3
    record = type(epoch(1))(1, third, third**2, third**3, 1e-300, 0.1 + 0.2, 5e-324)
    file = store.save_state(run.id, 0, "epoch-0001", {})
    losses = np.array([third, 1e-40, np.inf, np.nan])
    store.record_epochs([ModelEpoch(run.models[0].id, record, {"train_loss": losses}, file)])
    model = store.run(run.id).models[0]
    assert model.epochs == (record,)
    series = store.series(model, "train_loss")
    assert list(series) == [1]
    assert series[1].dtype == np.float32
    np.testing.assert_array_equal(series[1], losses.astype(np.float32))
    assert store.series(model, "no such series") == {}


def test_runs_come_oldest_first(store: Store) -> None:
    ids = [begin(store, seed=i) for i in range(5)]
    assert [run.id for run in store.runs()] == ids
    assert [run.id for run in store.runs(spec_hash=spec(seed=3).hash)] == [ids[3]]


def test_the_beginning_of_an_id_is_enough_and_last_is_the_newest(store: Store) -> None:
    ids = [begin(store) for _ in range(3)]
    assert [store.run(i[:8]).id for i in ids] == ids
    assert store.run("last").id == ids[-1]


def test_an_id_that_fits_no_run_or_several_is_a_sentence(store: Store) -> None:
    with pytest.raises(UnknownName, match="no run is called 'last'; there are none yet"):
        store.run("last")
    ids = [begin(store) for _ in range(20)]  # of 20 hexadecimal ids two begin with the same digit
    first = [i[0] for i in ids]
    twice = next(digit for digit in first if first.count(digit) > 1)
    with pytest.raises(UsageError, match=f"runs begin with '{twice}'.*type more of it"):
        store.run(twice)
    with pytest.raises(UnknownName, match=r"no run is called 'xyz'.*`analog list runs` shows all"):
        store.run("xyz")
    with pytest.raises(UnknownName):
        store.run("")


def test_of_several_runs_of_a_spec_the_finished_one_is_found_else_the_furthest(store: Store) -> None:
    assert store.find(spec()) is None
    one, two, three = (store.run(begin(store)) for _ in range(3))
    train_one(store, two.id, two.models[0], 1)
    assert store.find(spec()) == store.run(two.id)
    store.end(one.id, "finished")
    assert store.find(spec()) == store.run(one.id)
    assert store.find(spec(seed=1)) is None
    assert three.id in {run.id for run in store.runs()}


def test_labels_do_not_make_another_run(store: Store) -> None:
    run_id = begin(store)
    relabelled = spec().model_copy(update={"experiment": "mine", "setting": "x"})
    found = store.find(relabelled)
    assert found is not None and found.id == run_id


def test_delete_removes_rows_and_every_file_also_what_a_killed_process_left(store: Store) -> None:
    kept, gone = (store.run(begin(store, n_models=2)) for _ in range(2))
    for run in (kept, gone):
        for model in run.models:
            train_one(store, run.id, model, 1)
    # Saved, but the process was killed before it was recorded; and killed in the middle of writing.
    store.save_state(gone.id, 0, "epoch-0002", {})
    (store.folder / "checkpoints" / gone.id / "model-1" / ".epoch-0002.safetensors.4711").write_bytes(b"half")
    store.delete(gone.id)
    assert [run.id for run in store.runs()] == [kept.id]
    assert store.counts() == {
        "runs": 1, "provenance": 1, "models": 2, "epochs": 2, "series": 2, "checkpoints": 2, "inferences": 0,
        "sweep_runs": 0,
    }  # fmt: skip
    assert [file.relative_to(store.folder / "checkpoints").parts[0] for file in files_of(store)] == [kept.id] * 2
    store.delete(kept.id)
    assert not (store.folder / "checkpoints").exists()
    assert set(store.counts().values()) == {0}


def test_a_run_deleted_while_it_trains_is_said_so(store: Store) -> None:
    run = store.run(begin(store))
    store.delete(run.id)
    with pytest.raises(StoreError, match=f"run {run.short_id} is no longer in the store.*deleted meanwhile"):
        store.end(run.id, "finished")


def test_a_running_run_of_a_living_process_is_running_and_of_nobody_else_to_take(store: Store) -> None:
    run_id = begin(store)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        owned_by(store, run_id, other.pid, started(other.pid))
        assert store.run(run_id).status == "running"
        with pytest.raises(UsageError, match=f"is being trained by process {other.pid} on .*wait for it or stop"):
            take_over(store, run_id)
        other.kill()
    assert store.run(run_id).status == "interrupted"
    take_over(store, run_id)
    run = store.run(run_id)
    assert (run.status, run.owner.pid, len(run.attempts)) == ("running", os.getpid(), 2)


def test_a_killed_process_that_nobody_has_buried_trains_nothing(store: Store) -> None:
    # A zombie keeps its number; where process 1 of a container buries nobody, for ever.
    run_id = begin(store)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owned_by(store, run_id, child.pid, started(child.pid))
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert store.run(run_id).status == "interrupted"
    child.wait()
    assert store.run(run_id).status == "interrupted"


def test_a_later_process_with_the_same_number_does_not_train_the_run(store: Store) -> None:
    run_id = begin(store)
    owned_by(store, run_id, os.getpid(), started(os.getpid()) - 3600)
    assert store.run(run_id).status == "interrupted"


def test_a_process_on_another_machine_or_in_another_container_has_a_run_as_long_as_its_lease(store: Store) -> None:
    run_id = begin(store)
    with store.sessions() as session:
        now = claims.database_time(session)
    owned_by(store, run_id, 1, 0.0, hostname="elsewhere", place="another machine", lease_until=now + 20)
    assert store.run(run_id).status == "running"
    with pytest.raises(UsageError, match="is being trained by process 1 on elsewhere"):
        take_over(store, run_id)
    owned_by(store, run_id, 1, 0.0, lease_until=now - 1)
    assert store.run(run_id).status == "interrupted"
    take_over(store, run_id)
    assert store.run(run_id).status == "running"


def test_what_a_process_records_that_has_lost_its_run_is_refused(store: Store) -> None:
    run = store.run(begin(store))
    train_one(store, run.id, run.models[0], 1)
    owned_by(store, run.id, 1, 0.0, place="another machine", hostname="elsewhere")
    for record in (
        lambda: train_one(store, run.id, run.models[0], 2),
        lambda: store.record_checkpoints({run.models[0].id: NO_FILE}, 1, 3),
        lambda: store.end(run.id, "finished"),
    ):
        with pytest.raises(
            RunTaken, match=r"is running by now.*went to process 1 on elsewhere.*recorded of it until then is kept"
        ):
            record()
    assert [e.epoch for e in store.run(run.id).models[0].epochs] == [1]


def test_a_spec_that_another_process_has_stored_meanwhile_is_not_begun(store: Store) -> None:
    first = begin(store)
    with pytest.raises(AlreadyStored, match=f"run {first[:8]} of the same spec was begun meanwhile"):
        store.begin(spec(), provenance(), repeatable=True, resolved={}, again=False)
    assert [run.id for run in store.runs()] == [first]
    store.begin(spec(seed=1), provenance(), repeatable=True, resolved={}, again=False)


@pytest.mark.parametrize("status", ["finished", "failed", "interrupted"])
def test_a_run_that_ended_stays_as_it_ended_whatever_its_process_does(store: Store, status: str) -> None:
    run_id = begin(store)
    store.end(run_id, status, "why" if status == "failed" else None)
    owned_by(store, run_id, os.getpid(), 0.0)
    run = store.run(run_id)
    assert (run.status, run.error) == (status, "why" if status == "failed" else None)


def test_a_store_is_made_only_where_something_is_to_be_stored(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no store at .* yet; `analog run` or `analog demo` makes one"):
        Store.open(str(tmp_path / "a" / "b.db"), create=False)
    assert list(tmp_path.iterdir()) == []
    Store.open(str(tmp_path / "a" / "b.db"))
    assert (tmp_path / "a" / "b.db").is_file()


def test_a_folder_means_the_store_in_it(tmp_path: Path) -> None:
    Store.open(str(tmp_path))
    assert (tmp_path / "analog.db").is_file()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nonsense://x", "is neither a path nor a URL"),
        ("mysql://host/name", "is neither a path nor a URL like .* or postgresql://"),
        (
            "postgresql://me:s3cret@host:port/name",
            r"'postgresql://me:\*\*\*@host:port/name' is neither a path nor a URL",
        ),
        ("sqlite://", "in memory, gone when the command ends; name a file"),
        ("sqlite:///:memory:", "in memory, gone when the command ends; name a file"),
        ("sqlite:///a.db?timeout=soon", "timeout='soon' is not a number of seconds"),
    ],
)
def test_an_address_that_names_no_store_is_a_sentence(workspace: Path, address: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Store.open(address)
    assert list(workspace.iterdir()) == []


def test_a_store_below_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file: .*mend that or choose another --store"):
        Store.open(str(tmp_path / "file" / "analog.db"))
