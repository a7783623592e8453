"""Every data set that is on this machine has the shapes, types and counts it is known for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from analogcli import data
from analogcli.errors import UnknownName
from analogcli.nn.models import ImageShape

CPU = torch.device("cpu")
SHAPES: dict[str, tuple[int, int, int, tuple[int, int, int]]] = {
    "mnist5k": (4_000, 1_000, 10, (1, 28, 28)),
    "mnist": (60_000, 10_000, 10, (1, 28, 28)),
    "fashion-mnist": (60_000, 10_000, 10, (1, 28, 28)),
    "kmnist": (60_000, 10_000, 10, (1, 28, 28)),
    "cifar10": (50_000, 10_000, 10, (3, 32, 32)),
    "cifar100": (50_000, 10_000, 100, (3, 32, 32)),
}
NUMBERS = {"toy-sum": (2, 4, 2), "toy-two-layers": (2, 4, 1)}
"""Sets with numbers to predict: samples, numbers given, numbers to predict."""


@pytest.fixture(scope="module")
def mnist5k() -> data.DataSet:
    return data.load("mnist5k", None, CPU)


def test_every_set_is_specified_here() -> None:
    assert {*SHAPES, *NUMBERS} == set(data.names())


@pytest.mark.parametrize("name", SHAPES)
def test_counts_shapes_and_types(name: str) -> None:
    if not data.available(name):
        pytest.skip(f"{name} is not in {data.data_directory()}")
    n_train, n_test, n_classes, shape = SHAPES[name]
    dataset = data.load(name, None, CPU)
    assert dataset.train_x_BCHW.shape == (n_train, *shape)
    assert dataset.test_x_BCHW.shape == (n_test, *shape)
    assert dataset.train_x_BCHW.dtype == dataset.test_x_BCHW.dtype == torch.uint8
    assert dataset.train_y_B.shape == (n_train,) and dataset.test_y_B.shape == (n_test,)
    assert dataset.train_y_B.dtype == dataset.test_y_B.dtype == torch.int64
    assert dataset.train_y_B.unique().tolist() == list(range(n_classes)) == dataset.test_y_B.unique().tolist()
    image: ImageShape = dataset
    assert (image.channels, image.height, image.width, image.n_outputs) == (*shape, n_classes)
    assert dataset.n_classes == n_classes


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_to_predict_are_float32_and_are_tested_where_they_were_learnt(name: str) -> None:
    n, n_in, n_out = NUMBERS[name]
    dataset = data.load(name, None, CPU)
    assert dataset.train_x_BCHW.shape == (n, 1, 1, n_in) and dataset.train_y_B.shape == (n, n_out)
    assert dataset.train_x_BCHW.dtype == dataset.train_y_B.dtype == torch.float32
    assert torch.equal(dataset.train_x_BCHW, dataset.test_x_BCHW)
    assert torch.equal(dataset.train_y_B, dataset.test_y_B)
    shape: ImageShape = dataset
    assert (shape.channels, shape.height, shape.width, shape.n_outputs) == (1, 1, n_in, n_out)
    assert dataset.n_classes is None


def test_numbers_come_out_of_batches_as_they_went_in() -> None:
    dataset = data.load("toy-sum", None, CPU)
    x_RBCHW, y_RBK = data.train_batch(dataset, torch.tensor([[1, 0], [0, 1]]))
    assert torch.equal(x_RBCHW[0].flatten(1), torch.tensor([[0.2, 0.1, 0.1, 0.3], [0.1, 0.2, 0.4, 0.3]]))
    assert torch.equal(y_RBK[1], torch.tensor([[1.0, 0.5], [0.7, 0.3]]))
    ((x_BCHW, y_BK),) = data.test_batches(dataset, 10)
    assert torch.equal(x_BCHW, dataset.test_x_BCHW) and torch.equal(y_BK, dataset.test_y_B)


@pytest.mark.parametrize("name", [*data.names(), "image-folder:somewhere"])
def test_every_set_says_in_one_line_what_it_is_and_where(name: str) -> None:
    assert 20 < len(data.describe(name)) < 110
    assert "\n" not in data.describe(name)
    assert data.where(name, "there").name


def test_where_a_set_is_expected_follows_torchvision() -> None:
    assert data.where("mnist", "there") == Path("there/MNIST/raw")
    assert data.where("cifar10", "there") == Path("there/cifar-10-batches-py")
    assert not data.available("mnist", "there")


def test_mnist5k_has_equally_many_of_each_digit_in_both_parts(mnist5k: data.DataSet) -> None:
    assert mnist5k.train_y_B.bincount().tolist() == [400] * 10
    assert mnist5k.test_y_B.bincount().tolist() == [100] * 10


def test_mnist5k_trains_on_no_test_image(mnist5k: data.DataSet) -> None:
    images = torch.cat([mnist5k.train_x_BCHW, mnist5k.test_x_BCHW]).flatten(1)
    assert len(images.unique(dim=0)) == 5_000


@pytest.mark.full_mnist
def test_mnist5k_is_real_mnist_with_its_labels(mnist5k: data.DataSet, full_mnist: str) -> None:
    full = data.load("mnist", full_mnist, CPU)
    label_of = {image.numpy().tobytes(): int(y) for image, y in zip(full.train_x_BCHW, full.train_y_B, strict=True)}
    for image, y in zip(mnist5k.test_x_BCHW, mnist5k.test_y_B, strict=True):
        assert label_of[image.numpy().tobytes()] == int(y)


def test_mnist5k_is_always_the_same(mnist5k: data.DataSet) -> None:
    assert mnist5k.fingerprint == "b90859eb52dc9d1a"


def test_mnist5k_needs_neither_data_dir_nor_network_nor_a_writable_home(bare_user: Path, no_network: None) -> None:
    bare_user.chmod(0o500)
    try:
        assert data.available("mnist5k")
        assert len(data.load("mnist5k", bare_user / "not" / "there", CPU).train_y_B) == 4_000
        assert not list(bare_user.iterdir())
    finally:
        bare_user.chmod(0o700)


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no data set is called 'fashon-mnist'; did you mean fashion-mnist"):
        data.load("fashon-mnist", None, CPU)
    with pytest.raises(UnknownName, match="image-folder:PATH"):
        data.available("image-folder")
    with pytest.raises(UnknownName, match="known: mnist5k, mnist"):
        data.describe("zzz")


def test_the_data_dir_is_the_argument_else_the_environment_else_a_cache_folder(
    bare_user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data.data_directory() == bare_user / ".cache" / "analog" / "data"
    monkeypatch.setenv("XDG_CACHE_HOME", str(bare_user / "cache"))
    assert data.data_directory() == bare_user / "cache" / "analog" / "data"
    monkeypatch.setenv("ANALOG_DATA_DIR", "~/sets")
    assert data.data_directory() == bare_user / "sets"
    assert data.data_directory("elsewhere") == Path("elsewhere")


def test_listing_imports_no_torch_and_loading_the_digits_no_torchvision() -> None:
    program = """
import sys
from analogcli import data
for name in data.names():
    data.describe(name), data.available(name), data.where(name)
assert "torch" not in sys.modules
import torch
data.load("mnist5k", None, torch.device("cpu"))
assert not {"torchvision", "pandas", "sklearn"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=dict(os.environ))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_on_a_cuda_device_everything_stays_there(mnist5k: data.DataSet) -> None:
    cuda = torch.device("cuda", 0)
    dataset = data.load("mnist5k", None, cuda)
    assert dataset.device == cuda
    assert dataset.fingerprint == mnist5k.fingerprint
    order_RN = data.orders(4_000, [0, 1], epoch=1)
    for there, here in zip(
        data.train_batches(dataset, order_RN, 300), data.train_batches(mnist5k, order_RN, 300), strict=True
    ):
        assert there[0].device == there[1].device == cuda
        torch.testing.assert_close(there[0].cpu(), here[0])
        assert torch.equal(there[1].cpu(), here[1])
