"""What a source of samples is: where it lies, whether it is there, and its bytes.

Axes: N samples, C channels, H and W the image.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from analogcli.errors import DataError

Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Arrays:
    """A complete data set in main memory.

    For classification images in 0..255 and labels in 0..n_classes-1; for regression vectors, as images of one row, and
    the numbers [N, K] that belong to them.
    """

    train_x_NCHW: Bytes | Numbers
    train_y_N: Labels | Numbers
    test_x_NCHW: Bytes | Numbers
    test_y_N: Labels | Numbers
    n_classes: int | None
    """None: the targets are numbers."""


@dataclass(frozen=True)
class Size:
    """Size of the images, and number of outputs that a network has for them."""

    channels: int
    height: int
    width: int
    n_outputs: int


class Source(Protocol):
    """One data set; ``data_dir`` is the folder that the user's sets lie in."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str:
        """One line for listings."""
        ...

    @property
    def size(self) -> Size:
        """Size of the images as they are stored; of a folder of images they are read for it."""
        ...

    def where(self, data_dir: Path) -> Path:
        """Return the file or folder that the set is read from, whether it exists or not."""
        ...

    def available(self, data_dir: Path) -> bool:
        """Return whether all files of the set are there, without reading them."""
        ...

    def read(self, data_dir: Path, *, progress: bool) -> Arrays:
        """Return the set; fetch it first where that is possible and needed, with a progress bar on stderr.

        Raises:
            DataError: it is missing and cannot be fetched, or a file of it is damaged.
        """
        ...


def all_present(folder: Path, files: Iterable[str]) -> bool:
    """Return whether these files are in ``folder``; a folder that may not be entered has none."""
    return all(os.path.isfile(folder / file) for file in files)


def damaged(path: Path, reason: str) -> DataError:
    """Return the error for a file that can be fetched again."""
    return DataError(f"{path} is damaged ({reason}); delete it and run again to download it anew.")


def unreadable(path: Path, exc: OSError) -> DataError:
    """Return the error for a file or folder that the system refuses to read."""
    return DataError(f"{path} cannot be read ({exc.strerror}); make it readable, or use data that lies elsewhere.")
