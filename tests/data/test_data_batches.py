"""Mini-batches: the order is a permutation that seed and epoch decide alone, and nothing is lost or seen twice."""

import pytest
import torch

from analogcli import data

CPU = torch.device("cpu")


@pytest.fixture
def numbered() -> data.DataSet:
    """Ten training and seven test images of one pixel; the pixel is the number of the sample, and so is the label."""
    train, test = torch.arange(10), torch.arange(7)
    return data.DataSet(
        name="numbered",
        train_x_BCHW=train.to(torch.uint8).reshape(-1, 1, 1, 1),
        train_y_B=train,
        test_x_BCHW=test.to(torch.uint8).reshape(-1, 1, 1, 1),
        test_y_B=test,
        n_classes=10,
        fingerprint="",
    )


def test_the_order_is_a_permutation() -> None:
    order_N = data.order(1_000, seed=3, epoch=1)
    assert order_N.dtype == torch.int64
    assert torch.equal(order_N.sort().values, torch.arange(1_000))
    assert not torch.equal(order_N, torch.arange(1_000))


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    first = data.order(1_000, seed=3, epoch=1)
    torch.manual_seed(99)
    assert torch.equal(first, data.order(1_000, seed=3, epoch=1))
    assert not torch.equal(first, data.order(1_000, seed=3, epoch=2))
    assert not torch.equal(first, data.order(1_000, seed=4, epoch=1))


def test_every_model_has_the_order_of_its_seed_whatever_it_stands_beside() -> None:
    order_RN = data.orders(1_000, [3, 8], epoch=2)
    assert torch.equal(order_RN[1], data.order(1_000, seed=8, epoch=2))


def test_drawing_an_order_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    data.order(1_000, seed=3, epoch=1)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 64])
def test_an_epoch_sees_every_sample_once_with_its_own_label(numbered: data.DataSet, batch_size: int) -> None:
    order_RN = data.orders(10, [0, 5], epoch=1)
    batches = list(data.train_batches(numbered, order_RN, batch_size))
    sizes = [batch_size] * (10 // batch_size) + [10 % batch_size] * (10 % batch_size > 0)
    assert [tuple(x_RBCHW.shape) for x_RBCHW, _ in batches] == [(2, size, 1, 1, 1) for size in sizes]
    assert torch.equal(torch.cat([y_RB for _, y_RB in batches], dim=1), order_RN)
    for x_RBCHW, y_RB in batches:
        assert torch.equal((x_RBCHW[..., 0, 0, 0] * 255).round().long(), y_RB)


@pytest.mark.parametrize("first", [0, 1, 3, 4])
def test_an_epoch_can_go_on_in_its_middle(numbered: data.DataSet, first: int) -> None:
    order_RN = data.orders(10, [0, 1], epoch=1)
    whole = [y_RB.tolist() for _, y_RB in data.train_batches(numbered, order_RN, 3)]
    rest = [y_RB.tolist() for _, y_RB in data.train_batches(numbered, order_RN, 3, first)]
    assert rest == whole[first:]


@pytest.mark.parametrize("batch_size", [1, 3, 7, 64])
def test_the_test_set_comes_whole_and_in_order(numbered: data.DataSet, batch_size: int) -> None:
    labels = torch.cat([y_B for _, y_B in data.test_batches(numbered, batch_size)])
    assert labels.tolist() == list(range(7))


def test_images_become_floats_between_0_and_1_and_the_bytes_stay_as_they_are() -> None:
    dataset = data.load("mnist5k", None, CPU)
    before = dataset.train_x_BCHW.clone()
    x_BCHW, y_B = data.train_batch(dataset, torch.arange(64))
    assert x_BCHW.shape == (64, 1, 28, 28) and x_BCHW.dtype == torch.float32
    assert x_BCHW.min() == 0.0 and x_BCHW.max() == 1.0
    assert y_B.dtype == torch.int64
    x_test_BCHW, _ = next(data.test_batches(dataset, 64))
    assert x_test_BCHW.dtype == torch.float32 and x_test_BCHW.min() >= 0.0 and x_test_BCHW.max() == 1.0
    assert torch.equal(dataset.train_x_BCHW, before)
