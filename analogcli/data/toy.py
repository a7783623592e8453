"""The few numbers that AIHWKit's examples learn, for regression; they have no test set: what was learnt is tested.

Axes: N samples, I numbers given, K numbers to be predicted.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analogcli.data.source import Arrays, Size

Table = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class ToySet:
    """Vectors with the numbers that belong to them, written out in the program."""

    name: str
    description: str
    x_NI: Table
    y_NK: Table

    @property
    def size(self) -> Size:
        return Size(1, 1, len(self.x_NI[0]), len(self.y_NK[0]))

    def where(self, data_dir: Path) -> Path:
        del data_dir  # it is installed, not downloaded
        return Path(__file__)

    def available(self, data_dir: Path) -> bool:
        del data_dir
        return True

    def read(self, data_dir: Path, *, progress: bool) -> Arrays:
        del data_dir, progress
        x_NCHW = np.array(self.x_NI, np.float32)[:, None, None]
        y_NK = np.array(self.y_NK, np.float32)
        return Arrays(x_NCHW, y_NK, x_NCHW, y_NK, n_classes=None)
