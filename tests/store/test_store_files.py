"""Checkpoints elsewhere: in a shared folder or wherever fsspec reaches, remembered by the store itself."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
from command_kit import TINY, Done, Result
from fsspec.implementations.local import LocalFileSystem
from store_helpers import begin, epoch, files_of, train_one

from analogcli.errors import StoreError, UsageError
from analogcli.store import ModelEpoch, Store, copy_runs
from analogcli.store.schema import Setting

PLACES = {"a folder": "{}", "a URL of fsspec": "local://{}", "a file URL": "file://{}"}


def with_checkpoints(address: str, place: str) -> str:
    """The address of a store that is told where to keep its checkpoints."""
    url = address if "://" in address else f"sqlite:///{address}"
    return f"{url}?checkpoints={place}"


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return PLACES[request.param].format(tmp_path / "shared")


@pytest.fixture
def shared(tmp_path: Path) -> Callable[[], list[str]]:
    """What lies in the shared folder."""
    folder = tmp_path / "shared"
    return lambda: sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_checkpoints_lie_there_and_nowhere_else_and_only_the_last_of_each_model(
    address: str, place: str, shared: Callable[[], list[str]]
) -> None:
    store = Store.open(with_checkpoints(address, place))
    gone, run = (store.run(begin(store, n_models=2)) for _ in range(2))
    for number in range(3):
        for one in (gone, run):
            for model in one.models:
                train_one(store, one.id, model, number)
    store.delete(gone.id)
    assert shared() == [f"checkpoints/{run.id}/model-{i}/epoch-0002.safetensors" for i in range(2)]
    assert files_of(store) == []
    assert store.problems() == []
    saved = store.saved_state(run.models[1])
    assert saved is not None and store.load_state(saved)["epoch"] == 2


def test_the_store_remembers_the_place_wherever_it_is_opened_from(
    address: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(with_checkpoints(address, place))
    run = store.run(begin(store))
    train_one(store, run.id, run.models[0], 1)
    absolute = address if "://" in address else str(Path(address).absolute())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for again in (absolute, with_checkpoints(absolute, place)):
        opened = Store.open(again)
        saved = opened.saved_state(run.models[0])
        assert saved is not None and opened.load_state(saved)["epoch"] == 1
    with pytest.raises(UsageError, match=r"keeps its checkpoints in .*shared already; leave out checkpoints="):
        Store.open(with_checkpoints(absolute, str(tmp_path / "third")))


def test_a_folder_by_a_relative_path_is_the_same_one_for_a_process_elsewhere(
    address: str, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(with_checkpoints(address, "here"))
    for_a_worker = store.location.address
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert Store.open(for_a_worker).files.address == str(workspace / "here")


def test_a_store_that_has_checkpoints_does_not_look_for_them_elsewhere(address: str, tmp_path: Path) -> None:
    store = Store.open(address)
    run = store.run(begin(store))
    train_one(store, run.id, run.models[0], 1)
    with pytest.raises(UsageError, match=r"keeps its checkpoints in .*results already; .*`analog store copy`"):
        Store.open(with_checkpoints(address, str(tmp_path / "shared")))
    assert Store.open(with_checkpoints(address, "results")).files.address == store.files.address


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("memory://x", "is in memory, gone when the command ends"),
        ("s4://bucket/x", "is no folder and no URL that can be used here: Protocol not known: s4"),
        ("hdfs4://host", "is no folder and no URL"),
    ],
)
def test_what_is_no_place_for_files_is_a_sentence(address: str, bad: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Store.open(with_checkpoints(address, bad))


def test_a_password_is_not_kept_in_the_store(address: str) -> None:
    fsspec.register_implementation("locked", LocalFileSystem, clobber=True)
    with pytest.raises(UsageError, match="password in checkpoints= would be kept in the store") as caught:
        Store.open(with_checkpoints(address, "locked://me:open-sesame@host/x"))
    assert "open-sesame" not in str(caught.value)


def test_runs_are_copied_from_place_to_place(address: str, place: str, tmp_path: Path) -> None:
    here = Store.open(with_checkpoints(address, place))
    run = here.run(begin(here))
    file = train_one(here, run.id, run.models[0], 1)
    here.end(run.id, "finished")
    there = Store.open(str(tmp_path / "copy" / "analog.db"))
    number, copying = copy_runs(here, there)
    assert number == 1 and [one.what for one in copying] == ["copied"]
    assert (tmp_path / "copy" / file.path).is_file() and there.problems() == []
    same = Store.open(with_checkpoints(str(tmp_path / "third" / "analog.db"), place))
    with pytest.raises(UsageError, match="would keep their checkpoints in the same place"):
        copy_runs(here, same)


def test_a_store_whose_files_cannot_be_reached_from_here_is_read_all_the_same(address: str) -> None:
    store = Store.open(address)
    run_id = begin(store)
    with store.writing() as session:
        session.add(Setting(name="checkpoints", value="s4://bucket/x"))
    opened = Store.open(address)
    assert [run.id for run in opened.runs()] == [run_id]
    with pytest.raises(UsageError, match="Protocol not known: s4"):
        opened.save_state(run_id, 0, "epoch-0001", {"epoch": torch.tensor(1)})


class Faulty(LocalFileSystem):  # type: ignore[misc]
    """A file system of somebody else, whose driver has errors of its own, or loses half of a file."""

    protocol = "faulty"
    how = ""

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:
        if self.how == "error":
            raise RuntimeError("SlowDown: please reduce your request rate")
        super().pipe_file(path, value[: len(value) // 2] if self.how == "half" else value, **options)


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    yield lambda how: monkeypatch.setattr(Faulty, "how", how)


@pytest.mark.parametrize(
    ("how", "sentence"), [("error", "RuntimeError: SlowDown: please reduce"), ("half", r"of \d+ bytes arrived")]
)
def test_what_does_not_arrive_is_not_recorded_and_the_older_checkpoint_stays(
    address: str, tmp_path: Path, faulty: Callable[[str], None], how: str, sentence: str
) -> None:
    store = Store.open(with_checkpoints(address, f"faulty://{tmp_path}/shared"))
    run = store.run(begin(store))
    train_one(store, run.id, run.models[0], 1)
    faulty(how)
    with pytest.raises(StoreError, match=f"could not be written: .*{sentence}.*`analog resume` the run"):
        train_one(store, run.id, run.models[0], 2)
    faulty("")
    assert [e.epoch for e in store.run(run.id).models[0].epochs] == [1]
    saved = store.saved_state(run.models[0])
    assert saved is not None and store.load_state(saved)["epoch"] == 1
    # What arrived in half is written again, and counts then.
    file = store.save_state(run.id, 0, "epoch-0002", {"epoch": torch.tensor(2)})
    store.record_epochs([ModelEpoch(run.models[0].id, epoch(2), {}, file)])
    assert store.problems() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_a_sentence(address: str, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o500)
    store = Store.open(with_checkpoints(address, str(tmp_path / "shared")))
    with pytest.raises(StoreError, match="could not be written: Permission denied"):
        store.save_state(begin(store), 0, "epoch-0001", {"epoch": torch.tensor(1)})


def test_workers_of_a_sweep_keep_theirs_there_and_the_numbers_are_those_of_a_store_alone(
    analog: Callable[..., Done], result_of: Callable[..., Result], address: str, place: str, tmp_path: Path
) -> None:
    words = ("sweep", "mnist-fcn", *TINY, "--grid", "seed=0,1", "--workers", "2")
    done = analog(*words, "--store", with_checkpoints(address, place))
    assert done.code == 0, done.err
    assert len([path for path in (tmp_path / "shared").rglob("*") if path.is_file()]) == 2
    assert analog("store", "check", "--store", address).out == "the store is sound\n"
    info = analog("store", "info", "--json", "--store", address).json
    assert info["checkpoints in"].endswith("shared")
    alone = str(tmp_path / "alone" / "analog.db")
    assert analog(*words, "--store", alone).code == 0
    theirs = {run.spec.seed: run.id for run in Store.open(alone).runs()}
    for run in Store.open(address).runs():
        assert result_of(run.id, store=address) == result_of(theirs[run.spec.seed], store=alone)
    shutil.rmtree(tmp_path / "shared")
    assert analog("store", "check", "--store", address).code == 1
