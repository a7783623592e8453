"""MNIST and the sets made in its image: four idx files each, fetched by torchvision and read here.

An idx file is big-endian: two zero bytes, the type (8: unsigned byte), the number of axes, the length of each axis as
four bytes, then the values. The dozen lines that read it save the second that importing torchvision takes in every run.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analogcli.data.download import fetch
from analogcli.data.source import Arrays, Bytes, Labels, Size, all_present, damaged, unreadable

UNSIGNED_BYTE = 8
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class IdxSource:
    """A set of grey 28×28 images; ``folder`` is also the name of torchvision's class."""

    name: str
    description: str
    folder: str
    n_classes: int = 10

    @property
    def size(self) -> Size:
        return Size(1, 28, 28, self.n_classes)

    def where(self, data_dir: Path) -> Path:
        return data_dir / self.folder / "raw"

    def available(self, data_dir: Path) -> bool:
        return all_present(self.where(data_dir), FILES)

    def read(self, data_dir: Path, *, progress: bool) -> Arrays:
        if not self.available(data_dir):
            fetch(self.name, self.folder, data_dir, [f"{self.folder}/raw/{file}" for file in FILES], progress=progress)
        raw = self.where(data_dir)
        train_x_NCHW, train_y_N = self._split(raw / FILES[0], raw / FILES[1])
        test_x_NCHW, test_y_N = self._split(raw / FILES[2], raw / FILES[3])
        return Arrays(train_x_NCHW, train_y_N, test_x_NCHW, test_y_N, self.n_classes)

    def _split(self, images: Path, labels: Path) -> tuple[Bytes, Labels]:
        x_NHW, y_N = read_idx(images, axes=3), read_idx(labels, axes=1)
        if len(x_NHW) != len(y_N):
            raise damaged(labels, f"it has {len(y_N)} labels for the {len(x_NHW)} images of {images.name}")
        if not len(y_N) or y_N.max() >= self.n_classes:
            raise damaged(labels, f"its labels are not those of {self.n_classes} classes")
        return x_NHW[:, None], y_N.astype(np.int64)


def read_idx(path: Path, axes: int) -> Bytes:
    """Return the values of an idx file of bytes with this number of axes.

    Raises:
        DataError: the file cannot be read or does not hold what its header says.
    """
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as exc:
        raise unreadable(path, exc) from exc
    start = 4 + 4 * axes
    if len(content) < start or content[:4].tolist() != [0, 0, UNSIGNED_BYTE, axes]:
        raise damaged(path, f"it does not start as an idx file of bytes with {axes} axes does")
    shape = content[4:start].view(">u4").astype(np.int64)
    if len(content) - start != shape.prod():
        raise damaged(path, f"it holds {len(content) - start} of {shape.prod()} values")
    return content[start:].reshape(shape)
