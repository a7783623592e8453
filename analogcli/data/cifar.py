"""CIFAR-10 and CIFAR-100: fetched, checked and read by torchvision.

Their files are pickles, which can run code when they are read. torchvision compares each with its published MD5 first.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analogcli.data.download import fetch
from analogcli.data.source import Arrays, Size, all_present, damaged, unreadable


@dataclass(frozen=True)
class CifarSource:
    """A set of 32×32 colour images; ``torch_class`` names torchvision's class."""

    name: str
    description: str
    torch_class: str
    folder: str
    files: tuple[str, ...]
    n_classes: int

    @property
    def size(self) -> Size:
        return Size(3, 32, 32, self.n_classes)

    def where(self, data_dir: Path) -> Path:
        return data_dir / self.folder

    def available(self, data_dir: Path) -> bool:
        return all_present(self.where(data_dir), self.files)

    def read(self, data_dir: Path, *, progress: bool) -> Arrays:
        if not self.available(data_dir):
            fetch(self.name, self.torch_class, data_dir, [f"{self.folder}/{f}" for f in self.files], progress=progress)
        import torchvision.datasets

        torch_class = getattr(torchvision.datasets, self.torch_class)
        try:
            train, test = (torch_class(data_dir, train=train) for train in (True, False))
        except RuntimeError as exc:
            raise damaged(self._first_damaged(data_dir, torch_class), "its MD5 is not the published one") from exc
        except OSError as exc:
            raise unreadable(self.where(data_dir), exc) from exc
        x_NCHW = [np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)) for part in (train, test)]
        y_N = [np.array(part.targets, dtype=np.int64) for part in (train, test)]
        return Arrays(x_NCHW[0], y_N[0], x_NCHW[1], y_N[1], self.n_classes)

    def _first_damaged(self, data_dir: Path, torch_class: Any) -> Path:
        from torchvision.datasets.utils import check_integrity

        digests = dict([*torch_class.train_list, *torch_class.test_list])
        paths = [self.where(data_dir) / file for file in self.files]
        return next((p for p in paths if p.name in digests and not check_integrity(p, digests[p.name])), paths[-1])


CIFAR10_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
CIFAR100_FILES = ("train", "test", "meta")
