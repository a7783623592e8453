"""A data set that lives on the training device, complete; bytes become floats only when they are used.

Axes: B samples, C channels, H and W the image, K numbers to be predicted.
"""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from analogcli.data.directory import data_directory
from analogcli.data.registry import DataDir, find

FINGERPRINT_DIGITS = 16


@dataclass(frozen=True, eq=False)
class DataSet:
    """Samples and targets for training and test, all on one device."""

    name: str
    train_x_BCHW: Tensor
    """Training images, uint8; or vectors as images of one row, float32."""
    train_y_B: Tensor
    """Training labels 0..n_classes-1, int64; or numbers [B, K], float32."""
    test_x_BCHW: Tensor
    """Test images or vectors, as those for training."""
    test_y_B: Tensor
    """Test labels or numbers, as those for training."""
    n_classes: int | None
    """None: the targets are numbers."""
    fingerprint: str
    """The first 16 hex digits of the SHA-256 of the shapes and bytes of the four tensors."""

    @property
    def channels(self) -> int:
        return self.train_x_BCHW.shape[1]

    @property
    def height(self) -> int:
        return self.train_x_BCHW.shape[2]

    @property
    def width(self) -> int:
        return self.train_x_BCHW.shape[3]

    @property
    def n_outputs(self) -> int:
        return self.train_y_B.shape[1] if self.n_classes is None else self.n_classes

    @property
    def device(self) -> torch.device:
        return self.train_x_BCHW.device


def load(name: str, data_dir: DataDir, device: torch.device, *, progress: bool = False) -> DataSet:
    """Return the data set ``name`` on ``device``; download it first where it is missing and can be fetched.

    Args:
        name: one of :func:`~analogcli.data.names`, or ``image-folder:PATH``.
        data_dir: where sets lie or are downloaded to; None: see :func:`~analogcli.data.data_directory`.
        device: where the tensors live.
        progress: show the progress of a download on stderr.

    Raises:
        UnknownName: there is no such set.
        DataError: it is missing and cannot be fetched, or a file of it is damaged.
    """
    arrays = find(name).read(data_directory(data_dir), progress=progress)
    tensors = [
        torch.from_numpy(array).contiguous()
        for array in (arrays.train_x_NCHW, arrays.train_y_N, arrays.test_x_NCHW, arrays.test_y_N)
    ]
    digest = fingerprint(tensors)
    train_x_BCHW, train_y_B, test_x_BCHW, test_y_B = (tensor.to(device) for tensor in tensors)
    return DataSet(name, train_x_BCHW, train_y_B, test_x_BCHW, test_y_B, arrays.n_classes, digest)


def fingerprint(tensors: list[Tensor]) -> str:
    """Return the first 16 hex digits of the SHA-256 of the shapes and bytes of tensors on the CPU."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()[:FINGERPRINT_DIGITS]
