"""Runs from store to store: as they are, whole, once; what is further stays, and what is damaged is said."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from command_kit import Done
from store_helpers import begin, files_of, train_one

from analogcli.errors import UsageError
from analogcli.spec import PcmInference
from analogcli.store import InferenceRecord, Inferences, RunRecord, Store, copy_runs

CODE_THAT_WAITS = [sys.executable, "-c", "input()"]


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """A store in a folder of its own, always SQLite; ``store`` is either engine, so that both ways are tested."""
    return Store.open(str(tmp_path / "other" / "analog.db"))


def fill(store: Store, n: int = 3) -> list[RunRecord]:
    """Runs of two models that are 0, 1, 2 … epochs far; the last is finished and was tested on a chip."""
    ids = [begin(store, seed=10 * i, n_models=2) for i in range(n)]
    for number, run_id in enumerate(ids):
        run = store.run(run_id)
        for model in run.models:
            for one in range(number + 1):
                train_one(store, run_id, model, one)
        last = run_id == ids[-1]
        store.end(run_id, "finished" if last else "failed", None if last else "the reason, in Greek: λόγος")
        if last:
            records = [InferenceRecord(m.id, 0, 1e5, 1 / 3, None, [0.1, float("nan")]) for m in run.models]
            Inferences(store).record(PcmInference(), records)
    return store.runs()


def contents(store: Store) -> dict[str, Any]:
    """Everything a store says of its runs, without what differs from store to store: numbers of rows."""
    said = {}
    for run in store.runs():
        models = []
        for model in run.models:
            saved = store.saved_state(model)
            tensors = {k: v.tolist() for k, v in store.load_state(saved).items()} if saved else None
            series = {epoch: chunk.tolist() for epoch, chunk in store.series(model, "train_loss").items()}
            models.append((model.index, model.seed, model.epochs, series, saved, tensors))
        inferences = [
            (settings, [(r.repeat, r.seconds, r.test_loss, r.test_accuracy, str(r.predictions)) for r in records])
            for settings, records in Inferences(store).of(run)
        ]
        said[run.id] = (
            run.spec_hash, run.spec_data, run.status, run.error, run.created_at, run.attempts, models, inferences
        )  # fmt: skip
    return said


def copy(source: Store, target: Store) -> list[str]:
    return [one.what for one in copy_runs(source, target)[1]]


@pytest.mark.parametrize("way", ["there", "back"])
def test_a_copy_has_everything_and_a_second_one_copies_nothing(store: Store, other: Store, way: str) -> None:
    source, target = (store, other) if way == "there" else (other, store)
    fill(source)
    assert copy(source, target) == ["copied"] * 3
    assert contents(target) == contents(source)
    assert target.problems() == []
    rows = target.counts()
    assert copy(source, target) == ["there already"] * 3
    assert target.counts() == rows
    # Back where they came from nothing is new either.
    assert copy(target, source) == ["there already"] * 3


def test_the_run_that_got_further_stays(store: Store, other: Store) -> None:
    run = fill(store, 2)[0]
    copy(store, other)
    for number in (1, 2):
        for model in store.run(run.id).models:
            train_one(store, run.id, model, number)
    assert copy(other, store) == ["there already"] * 2
    assert copy(store, other) == ["brought further", "there already"]
    assert contents(other) == contents(store)
    store.end(run.id, "finished")
    assert copy(store, other) == ["brought further", "there already"]
    assert other.run(run.id).status == "finished"
    assert len(files_of(other)) == 4, "older checkpoints are gone"


def test_tests_on_a_chip_that_were_made_later_come_after(store: Store, other: Store) -> None:
    run = fill(store)[-1]
    copy(store, other)
    Inferences(store).record(PcmInference(), [InferenceRecord(run.models[1].id, 1, 60.0, 0.5, 0.9)])
    assert copy(store, other) == ["there already"] * 2 + ["brought further"]
    assert contents(other) == contents(store)


def test_what_is_being_trained_waits_and_what_was_killed_is_copied_as_interrupted(store: Store, other: Store) -> None:
    living, killed = (store.run(begin(store, seed=i)) for i in range(2))
    with subprocess.Popen(CODE_THAT_WAITS, stdin=subprocess.PIPE) as process:
        with store.sessions() as session, session.begin():
            session.execute(
                sa.text("UPDATE runs SET process_started = 0 WHERE id = :id"), {"id": killed.id}
            )  # a process of that number, but another one
        assert copy(store, other) == ["being trained", "copied"]
        process.kill()
    assert [(run.id, run.status) for run in other.runs()] == [(killed.id, "interrupted")]
    store.end(living.id, "interrupted")
    assert copy(store, other) == ["copied", "there already"]


def test_a_run_whose_spec_has_another_hash_today_is_copied_as_it_is(store: Store, other: Store) -> None:
    run_id = begin(store)
    store.end(run_id, "finished")
    with store.sessions() as session, session.begin():
        session.execute(sa.text('UPDATE runs SET spec_hash = \'of long ago\', spec = \'{"task": {}, "no": "longer"}\''))
    assert copy(store, other) == ["copied"]
    (copied,) = other.runs()
    assert (copied.spec_hash, copied.spec_data) == ("of long ago", {"task": {}, "no": "longer"})


def test_an_interrupted_copy_goes_on_where_it_was(store: Store, other: Store) -> None:
    fill(store)
    _, copying = copy_runs(store, other)
    next(copying)
    # What was written of the second, when the process was killed: a file, and no row.
    second = store.runs()[1]
    half = other.folder / "checkpoints" / second.id / "model-0" / ".epoch-0001.safetensors.1"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    assert copy(store, other) == ["there already", "copied", "copied"]
    assert contents(other) == contents(store)
    assert not half.exists()


@pytest.mark.parametrize("how", ["missing", "altered"])
def test_a_damaged_checkpoint_is_not_copied_and_said(
    store: Store, other: Store, analog: Callable[..., Done], how: str
) -> None:
    run = fill(store, 1)[0]
    saved = store.saved_state(run.models[0])
    assert saved is not None
    path = store.folder / saved.file.path
    sound = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(sound[:-1] + b"!")
    done = analog("store", "copy", store.location.address, str(other.location))
    assert (done.code, done.out) == (1, "runs: 1 copied\n")
    assert f"run {run.short_id} without a checkpoint: the checkpoint {path}" in done.err
    assert ("is missing" if how == "missing" else "was altered") in done.err
    copied = other.run(run.id)
    assert copied.models[0].epochs == run.models[0].epochs
    assert [other.saved_state(model) is None for model in copied.models] == [True, False]
    assert other.problems() == []
    rows = other.counts()
    assert copy(store, other) == ["there already"]
    assert other.counts() == rows
    path.write_bytes(sound)
    assert copy(store, other) == ["brought further"]
    assert contents(other) == contents(store)


def test_two_stores_that_share_a_folder_of_checkpoints_are_refused(tmp_path: Path) -> None:
    one, two = (Store.open(str(tmp_path / name)) for name in ("a.db", "b.db"))
    with pytest.raises(
        UsageError, match=r"would keep their checkpoints in the same place .*; name a store in a folder"
    ):
        copy_runs(one, two)


def test_the_command_says_what_it_did(analog: Callable[..., Done], store: Store, other: Store) -> None:
    fill(store)
    words = ("store", "copy", store.location.address, str(other.location))
    assert analog(*words).out == "runs: 3 copied\n"
    assert analog(*words).out == "runs: 0 copied, 3 there already\n"
    assert [one["what"] for one in analog(*words, "--json").json] == ["there already"] * 3
    nothing = analog("store", "copy", str(other.folder / "no.db"), str(other.location))
    assert nothing.code == 2 and "there is no store at" in nothing.err
