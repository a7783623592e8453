"""Files in torchvision's layout: what is read from them, and what is said about damaged ones."""

import hashlib
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from analogcli import data
from analogcli.data.idx import FILES
from analogcli.errors import DataError

CPU = torch.device("cpu")
torchvision_datasets = pytest.importorskip("torchvision.datasets")


def idx(values: np.ndarray) -> bytes:
    """Return an idx file of bytes."""
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


@pytest.fixture
def small_kmnist(tmp_path: Path) -> Path:
    """A data dir with a KMNIST of 30 training and 10 test images."""
    raw = tmp_path / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for i, n in ((0, 30), (2, 10)):
        (raw / FILES[i]).write_bytes(idx(random.integers(0, 256, (n, 28, 28), dtype=np.uint8)))
        (raw / FILES[i + 1]).write_bytes(idx((np.arange(n) % 10).astype(np.uint8)))
    return tmp_path


def test_idx_files_are_read_as_torchvision_reads_them(small_kmnist: Path) -> None:
    dataset = data.load("kmnist", small_kmnist, CPU)
    theirs = torchvision_datasets.KMNIST(small_kmnist, train=True)
    assert torch.equal(dataset.train_x_BCHW[:, 0], theirs.data)
    assert torch.equal(dataset.train_y_B, theirs.targets)
    assert len(dataset.test_y_B) == 10


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: content[:-1], r"it holds \d+ of \d+ values"),
        (lambda content: content + b"\0", r"it holds \d+ of \d+ values"),
        (lambda content: content[:7], "it does not start as an idx file"),
        (lambda content: b"", "it does not start as an idx file"),
        (lambda content: b"<html>" + content, "it does not start as an idx file"),
    ],
)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_named_with_what_to_do(
    small_kmnist: Path, file: str, damage: Callable[[bytes], bytes], reason: str
) -> None:
    path = small_kmnist / "KMNIST" / "raw" / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=rf"{file} is damaged \({reason}.*\); delete it and run again"):
        data.load("kmnist", small_kmnist, CPU)


def test_labels_that_do_not_fit_their_images_are_damage(small_kmnist: Path) -> None:
    labels = small_kmnist / "KMNIST" / "raw" / FILES[1]
    labels.write_bytes(idx(np.zeros(29, dtype=np.uint8)))
    with pytest.raises(DataError, match="29 labels for the 30 images"):
        data.load("kmnist", small_kmnist, CPU)
    labels.write_bytes(idx(np.full(30, 10, dtype=np.uint8)))
    with pytest.raises(DataError, match="not those of 10 classes"):
        data.load("kmnist", small_kmnist, CPU)


def test_a_file_that_may_not_be_read_is_named(small_kmnist: Path) -> None:
    path = small_kmnist / "KMNIST" / "raw" / FILES[0]
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    with pytest.raises(DataError, match=rf"{FILES[0]} cannot be read"):
        data.load("kmnist", small_kmnist, CPU)


@pytest.fixture
def small_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data dir with a CIFAR-10 of two images a file, whose MD5s torchvision is told."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    torch_class = torchvision_datasets.CIFAR10

    def write(name: str, content: object) -> str:
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    batch = {"data": np.arange(2 * 3072).reshape(2, 3072).astype(np.uint8), "labels": [3, 7]}
    train = [[f"data_batch_{i}", write(f"data_batch_{i}", batch)] for i in range(1, 6)]
    monkeypatch.setattr(torch_class, "train_list", train)
    monkeypatch.setattr(torch_class, "test_list", [["test_batch", write("test_batch", batch)]])
    meta = write("batches.meta", {"label_names": list("abcdefghij")})
    monkeypatch.setattr(torch_class, "meta", {**torch_class.meta, "md5": meta})
    return tmp_path


def test_cifar_images_are_channels_first(small_cifar10: Path) -> None:
    dataset = data.load("cifar10", small_cifar10, CPU)
    assert dataset.train_x_BCHW.shape == (10, 3, 32, 32) and dataset.test_x_BCHW.shape == (2, 3, 32, 32)
    assert dataset.train_y_B.tolist() == [3, 7] * 5
    assert torch.equal(dataset.test_x_BCHW.flatten(), torch.arange(2 * 3072).to(torch.uint8))


@pytest.mark.parametrize("file", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_damaged_cifar_file_is_named_and_not_unpickled(small_cifar10: Path, file: str) -> None:
    path = small_cifar10 / "cifar-10-batches-py" / file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{file} is damaged .*delete it and run again"):
        data.load("cifar10", small_cifar10, CPU)
