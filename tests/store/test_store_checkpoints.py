"""Checkpoint files: recorded all or nothing with their epoch, and any damage to them is found before it is used."""

from pathlib import Path

import numpy as np
import pytest
import torch
from store_helpers import begin, epoch, files_of, train_one

from analogcli.errors import StoreError
from analogcli.store import CheckpointFile, ModelEpoch, Store


def load(store: Store, run_id: str) -> dict[str, torch.Tensor]:
    saved = store.saved_state(store.run(run_id).models[0])
    assert saved is not None
    return store.load_state(saved)


def test_tensors_of_every_kind_come_back_bit_for_bit(store: Store) -> None:
    run = store.run(begin(store))
    generator = torch.Generator().manual_seed(0)
    tensors = {
        "float32": torch.randn(3, 4, generator=generator),
        "float64": torch.tensor(1 / 3, dtype=torch.float64),
        "not a number": torch.tensor([float("nan"), float("inf"), -0.0]),
        "int64": torch.tensor([-(2**63), 2**63 - 1]),
        "bool": torch.tensor([True, False]),
        "empty": torch.zeros(0),
        "generator state": generator.get_state(),
        "a view that is not contiguous": torch.arange(6.0).reshape(2, 3).T,
        "needs gradient": torch.ones(2, requires_grad=True),
    }
    file = store.save_state(run.id, 0, "epoch-0000", tensors)
    store.record_checkpoints({run.models[0].id: file}, 0, 7)
    saved = store.saved_state(run.models[0])
    assert saved is not None and (saved.epoch, saved.step) == (0, 7)
    read = store.load_state(saved)
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert read[name].detach().contiguous().numpy().tobytes() == tensor.detach().contiguous().numpy().tobytes()


def test_no_model_has_a_checkpoint_before_its_first(store: Store) -> None:
    assert store.saved_state(store.run(begin(store)).models[0]) is None


def test_the_last_checkpoint_of_each_model_is_kept_and_no_other(store: Store) -> None:
    run = store.run(begin(store, n_models=2))
    for number in range(3):
        for model in run.models:
            train_one(store, run.id, model, number)
    saved = [store.saved_state(model) for model in run.models]
    assert [s.epoch for s in saved if s] == [2, 2]
    assert files_of(store) == sorted(store.folder / s.file.path for s in saved if s)
    assert store.counts()["checkpoints"] == 2


def test_a_kill_between_file_and_commit_leaves_the_older_checkpoint_to_go_on_from(store: Store) -> None:
    run = store.run(begin(store))
    train_one(store, run.id, run.models[0], 1)
    # The file of epoch 2 is written and the process killed: no commit.
    store.save_state(run.id, 0, "epoch-0002", {"epoch": torch.tensor(2)})
    assert [e.epoch for e in store.run(run.id).models[0].epochs] == [1]
    assert load(store, run.id)["epoch"] == 1
    assert store.problems() == []
    # Going on writes the same file again, and later ones remove what was left behind.
    train_one(store, run.id, run.models[0], 2)
    train_one(store, run.id, run.models[0], 3)
    assert load(store, run.id)["epoch"] == 3
    assert len(files_of(store)) == 1


def test_an_epoch_that_cannot_be_recorded_as_a_whole_is_not_recorded_at_all(store: Store) -> None:
    run = store.run(begin(store))
    train_one(store, run.id, run.models[0], 1)
    file = store.save_state(run.id, 0, "epoch-0002", {"epoch": torch.tensor(2)})
    without_digest = CheckpointFile(file.path, None, file.size)  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        store.record_epochs([ModelEpoch(run.models[0].id, epoch(2), {"train_loss": np.zeros(3)}, without_digest)])
    assert [e.epoch for e in store.run(run.id).models[0].epochs] == [1]
    assert load(store, run.id)["epoch"] == 1
    with pytest.raises(StoreError):  # epoch 1 is there already
        store.record_epochs([ModelEpoch(run.models[0].id, epoch(1), {}, file)])
    assert load(store, run.id)["epoch"] == 1
    assert store.counts()["series"] == 1


def test_the_epoch_of_models_that_train_together_is_recorded_for_all_or_for_none(store: Store) -> None:
    run = store.run(begin(store, n_models=3))
    for model in run.models:
        train_one(store, run.id, model, 1)
    series = {"train_loss": np.zeros(3)}
    files = [store.save_state(run.id, i, "epoch-0002", {"epoch": torch.tensor(2)}) for i in range(3)]
    done = [ModelEpoch(m.id, epoch(2), series, file) for m, file in zip(run.models, files, strict=True)]
    with pytest.raises(StoreError):
        store.record_epochs([*done[:2], ModelEpoch(run.models[2].id, epoch(1), series, files[2])])
    assert [[e.epoch for e in m.epochs] for m in store.run(run.id).models] == [[1]] * 3
    assert [saved.epoch for m in run.models if (saved := store.saved_state(m))] == [1] * 3
    store.record_epochs(done)
    assert [[e.epoch for e in m.epochs] for m in store.run(run.id).models] == [[1, 2]] * 3
    assert len(files_of(store)) == 3, "the older checkpoints are gone"


def spoil(path: Path, how: str) -> None:
    payload = path.read_bytes()
    match how:
        case "missing":
            path.unlink()
        case "truncated":
            path.write_bytes(payload[: len(payload) // 2])
        case "longer":
            path.write_bytes(payload + b"\0")
        case "one bit":
            path.write_bytes(payload[:-1] + bytes([payload[-1] ^ 1]))
        case "a folder":
            path.unlink()
            path.mkdir()


DAMAGE = {
    "missing": "is missing",
    "truncated": "bytes instead of",
    "longer": "bytes instead of",
    "one bit": r"was altered \(its SHA-256 is not the stored one\)",
    "a folder": "cannot be read",
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_checkpoint_is_found_and_never_loaded(store: Store, how: str) -> None:
    sound, damaged = (store.run(begin(store)) for _ in range(2))
    train_one(store, sound.id, sound.models[0], 1)
    spoil(store.folder / train_one(store, damaged.id, damaged.models[0], 1).path, how)
    (problem,) = store.problems()
    assert damaged.id in problem
    with pytest.raises(StoreError, match=DAMAGE[how] + ".*`analog run --again` trains the run anew"):
        load(store, damaged.id)
    assert load(store, sound.id)["epoch"] == 1


def test_a_checkpoint_holds_no_code(store: Store) -> None:
    # A pickle with the right digest in the right place is not unpickled.
    run = store.run(begin(store))
    file = store.save_state(run.id, 0, "epoch-0001", {})
    torch.save({"a": 1}, store.folder / file.path)
    payload = (store.folder / file.path).read_bytes()
    import hashlib

    altered = CheckpointFile(file.path, hashlib.sha256(payload).hexdigest(), len(payload))
    store.record_checkpoints({run.models[0].id: altered}, 1, 0)
    with pytest.raises(Exception, match=r"(?i)header|safetensor"):
        load(store, run.id)


def test_damage_to_the_database_itself_is_found(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "analog.db"))
    run = store.run(begin(store, n_models=50))
    for model in run.models:
        train_one(store, run.id, model, 1)
    store.sessions.kw["bind"].dispose()
    file = tmp_path / "analog.db"
    assert not file.with_name("analog.db-wal").exists()
    payload = bytearray(file.read_bytes())
    payload[8192:12288] = b"\xff" * 4096
    file.write_bytes(payload)
    try:
        assert Store.open(str(file)).problems()
    except StoreError as exc:
        assert "is damaged" in str(exc)
