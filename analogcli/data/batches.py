"""Mini-batches: an order that can be computed again at any time, and slices of it gathered on the device.

Axes: R models, N samples of the training set, B samples of a mini-batch, C channels, H and W the image; labels
have no axis of their own, numbers to be predicted have K.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from analogcli.data.augment import unit_range
from analogcli.data.dataset import DataSet
from analogcli.generators import stream

See = Callable[[Tensor], Tensor]
SeeTraining = Callable[[Tensor, int], Tensor]


def order(n: int, seed: int, epoch: int) -> Tensor:
    """Return the order of ``n`` samples in an epoch, a permutation of 0..n-1 (int64, on the CPU).

    It depends on the arguments only, so that a run can go on in the middle of an epoch, and on every device alike.
    """
    return torch.randperm(n, generator=stream(seed, f"order/{epoch}"))


def orders(n: int, seeds: Sequence[int], epoch: int) -> Tensor:
    """Return the orders [R, N] of the models with these seeds."""
    return torch.stack([order(n, seed, epoch) for seed in seeds])


def train_batch(dataset: DataSet, index_RB: Tensor) -> tuple[Tensor, Tensor]:
    """Return x (float32 [R, B, C, H, W], images in [0, 1]) and labels [R, B] or numbers [R, B, K] of these samples."""
    x_RBCHW, y_RB = stored(dataset, index_RB)
    return unit_range(x_RBCHW), y_RB


def stored(dataset: DataSet, index_RB: Tensor) -> tuple[Tensor, Tensor]:
    """Return these samples as they are stored: images are bytes."""
    index_N = index_RB.to(dataset.device).flatten()
    # On the CPU index_select takes a third of the time that indexing does.
    x_NCHW, y_N = dataset.train_x_BCHW.index_select(0, index_N), dataset.train_y_B.index_select(0, index_N)
    return x_NCHW.view(*index_RB.shape, *x_NCHW.shape[1:]), y_N.view(*index_RB.shape, *y_N.shape[1:])


def train_batches(
    dataset: DataSet,
    order_RN: Tensor,
    batch_size: int,
    first: int = 0,
    see: SeeTraining = lambda x, step: unit_range(x),
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the mini-batches of an epoch from number ``first`` on; the last one may be smaller.

    ``see`` turns the images of mini-batch ``step`` as they are stored into what the networks see.
    """
    # Moved once: on a CUDA device every copy from the host waits for the work that was queued before it.
    order_RN = order_RN.to(dataset.device)
    for step in range(first, -(-order_RN.shape[1] // batch_size)):
        x_RBCHW, y_RB = stored(dataset, order_RN[:, step * batch_size : (step + 1) * batch_size])
        yield see(x_RBCHW, step), y_RB


def test_batches(dataset: DataSet, batch_size: int, see: See = unit_range) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the test set in its own order, as the networks ``see`` it; the last batch may be smaller."""
    for start in range(0, len(dataset.test_y_B), batch_size):
        chosen = slice(start, start + batch_size)
        yield see(dataset.test_x_BCHW[chosen]), dataset.test_y_B[chosen]
