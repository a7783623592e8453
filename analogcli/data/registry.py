"""Every data set by name; a new one is a source in a file of its own and a line here."""

import os
from pathlib import Path

from analogcli.data import image_folder
from analogcli.data.cifar import CIFAR10_FILES, CIFAR100_FILES, CifarSource
from analogcli.data.directory import data_directory
from analogcli.data.idx import IdxSource
from analogcli.data.image_folder import ImageFolder
from analogcli.data.mnist5k import Mnist5k
from analogcli.data.source import Size, Source
from analogcli.data.toy import ToySet
from analogcli.errors import UnknownName

DataDir = str | os.PathLike[str] | None

SOURCES: tuple[Source, ...] = (
    Mnist5k(),
    IdxSource("mnist", "handwritten digits, 28×28 grey, 10 classes, 60,000 train / 10,000 test", "MNIST"),
    IdxSource("fashion-mnist", "articles of clothing, 28×28 grey, 10 classes, 60,000 / 10,000", "FashionMNIST"),
    IdxSource("kmnist", "handwritten Kuzushiji characters, 28×28 grey, 10 classes, 60,000 / 10,000", "KMNIST"),
    CifarSource(
        name="cifar10",
        description="photographs, 32×32 colour, 10 classes, 50,000 train / 10,000 test",
        torch_class="CIFAR10",
        folder="cifar-10-batches-py",
        files=CIFAR10_FILES,
        n_classes=10,
    ),
    CifarSource(
        name="cifar100",
        description="photographs, 32×32 colour, 100 classes, 50,000 train / 10,000 test",
        torch_class="CIFAR100",
        folder="cifar-100-python",
        files=CIFAR100_FILES,
        n_classes=100,
    ),
    ToySet(
        name="toy-sum",
        description="AIHWKit's examples 1, 5, 7 and 8: two vectors of four numbers, two numbers to predict for each",
        x_NI=((0.1, 0.2, 0.4, 0.3), (0.2, 0.1, 0.1, 0.3)),
        y_NK=((1.0, 0.5), (0.7, 0.3)),
    ),
    ToySet(
        name="toy-two-layers",
        description="AIHWKit's example 2: two vectors of four numbers, their sums to predict",
        x_NI=((0.1, 0.2, 0.0, 0.0), (0.2, 0.4, 0.0, 0.0)),
        y_NK=((0.3,), (0.6,)),
    ),
)
_BY_NAME = {source.name: source for source in SOURCES}


def names() -> list[str]:
    """Return the names of all data sets; ``image-folder:PATH`` stands for any number more."""
    return list(_BY_NAME)


def find(name: str) -> Source:
    """Return the source called ``name``.

    Raises:
        UnknownName: there is none, with the nearest names.
    """
    path = name.removeprefix(image_folder.PREFIX)
    if path and path != name:
        return ImageFolder(Path(path).expanduser())
    if name not in _BY_NAME:
        raise UnknownName("data set", name, [*_BY_NAME, image_folder.TEMPLATE])
    return _BY_NAME[name]


def describe(name: str) -> str:
    """Return one line that says what the set is."""
    return find(name).description


def size(name: str) -> Size:
    """Return the size of the set's images and the number of outputs for them, without fetching it."""
    return find(name).size


def available(name: str, data_dir: DataDir = None) -> bool:
    """Return whether the set can be loaded without a network, judged by the presence of its files."""
    return find(name).available(data_directory(data_dir))


def where(name: str, data_dir: DataDir = None) -> Path:
    """Return the file or folder that the set is read from, whether it exists or not."""
    return find(name).where(data_directory(data_dir))
