"""Several processes at one store: they wait for each other, and nothing is lost."""

import multiprocessing
import sqlite3
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import server_kit
from store_helpers import NO_FILE, begin, epoch

from analogcli.errors import StoreError
from analogcli.store import ModelEpoch, Store, location
from analogcli.store.claims import row_of

PROCESSES = 6
EPOCHS = 10


def write_epochs(start: Barrier, address: str) -> str:
    """Open a store at the same moment as the others, begin a run and write epochs as fast as possible."""
    start.wait(60)
    store = Store.open(address)
    run = store.run(begin(store))
    for number in range(EPOCHS):
        done = ModelEpoch(run.models[0].id, epoch(number, number / EPOCHS), {"train_loss": np.zeros(3)}, NO_FILE)
        store.record_epochs([done])
        assert len(store.run(run.id).models[0].epochs) == number + 1
    store.end(run.id, "finished")
    return run.id


def test_many_processes_open_fresh_stores_at_once_and_write_epochs_and_none_is_lost(
    tmp_path: Path, postgres: server_kit.Server
) -> None:
    # Spawned, not forked: nothing is shared but the store. The first one is there to import everything.
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(PROCESSES, context) as pool:
        start = manager.Barrier(PROCESSES)
        for address in (str(tmp_path / "0.db"), str(tmp_path / "1.db"), postgres.new()):
            ids = [job.result(120) for job in [pool.submit(write_epochs, start, address) for _ in range(PROCESSES)]]
            store = Store.open(address)
            assert {run.id for run in store.runs()} == set(ids)
            for run in store.runs():
                assert [e.test_accuracy for e in run.models[0].epochs] == [n / EPOCHS for n in range(EPOCHS)]
            assert store.counts() == {
                "runs": PROCESSES,
                "provenance": PROCESSES,
                "models": PROCESSES,
                "epochs": PROCESSES * EPOCHS,
                "series": PROCESSES * EPOCHS,
                "checkpoints": PROCESSES,
                "inferences": 0,
                "sweep_runs": 0,
            }


def test_a_store_locked_for_longer_than_the_timeout_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "analog.db"
    store = Store.open(f"sqlite:///{file}?timeout=0.2")
    run_id = begin(store)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"was locked by another process for 0.2 s; try again"):
        store.end(run_id, "finished")
    assert 0.2 <= time.monotonic() - began < 5
    assert store.run(run_id).status == "running", "readers do not wait for a writer"
    other.execute("ROLLBACK")
    store.end(run_id, "finished")
    assert store.run(run_id).status == "finished"


@pytest.mark.parametrize("query", ["", "?timeout=0.7"])
def test_what_is_said_of_a_lock_is_how_long_it_was_waited_for(
    address: str, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The timeout of a server is how long it may be away: its locks are not waited for that long.
    monkeypatch.setattr(location, "LOCKED_S", 0.3)
    other = Store.open(address)
    store = Store.open(other.location.url.render_as_string(hide_password=False) + query)
    run_id, seconds = begin(store), 0.7 if query and store.location.file else 0.3
    with other.writing() as session:
        row_of(session, run_id, other.location)
        began = time.monotonic()
        with pytest.raises(StoreError, match=rf"was locked by another process for {seconds} s; try again"):
            store.end(run_id, "finished")
        assert seconds <= time.monotonic() - began < 5


def test_a_writer_waits_longer_than_the_timeout_while_others_get_on_with_their_writing(tmp_path: Path) -> None:
    # One that has the lock for 50 ms, again and again, with a moment between in which another rarely looks.
    file = tmp_path / "analog.db"
    store = Store.open(f"sqlite:///{file}?timeout=0.2")
    run_id = begin(store)
    greedy = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    greedy.execute("CREATE TABLE others (n INTEGER)")
    taken = threading.Event()

    def write_on_and_on() -> None:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            greedy.execute("BEGIN IMMEDIATE")
            taken.set()
            greedy.execute("INSERT INTO others VALUES (1)")
            time.sleep(0.05)
            greedy.execute("COMMIT")

    writing = threading.Thread(target=write_on_and_on)
    writing.start()
    taken.wait(10)
    store.end(run_id, "finished")
    writing.join()
    assert store.run(run_id).status == "finished"


def test_a_fresh_file_that_another_process_is_making_a_store_of_is_waited_for(tmp_path: Path) -> None:
    # SQLite itself does not wait here: switching a file to write-ahead logging that is being written fails at once.
    file = tmp_path / "analog.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()
    assert Store.open(str(file)).runs() == []
    release.join()


def test_a_fresh_file_that_stays_locked_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "analog.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"was locked by another process for 0\.2 s"):
        Store.open(f"sqlite:///{file}?timeout=0.2")


def test_a_writer_waits_for_its_turn(tmp_path: Path) -> None:
    file = tmp_path / "analog.db"
    store = Store.open(str(file))
    run_id = begin(store)
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()
    store.end(run_id, "finished")
    release.join()
    assert store.run(run_id).status == "finished"
