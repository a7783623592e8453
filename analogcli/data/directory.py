"""Where data sets lie on this machine."""

import os
from pathlib import Path


def data_directory(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the data sets: ``given``, else ANALOG_DATA_DIR, else a cache folder of the user's own.

    The folder is laid out as torchvision does it (``MNIST/raw/train-images-idx3-ubyte`` …); it need not exist.
    """
    chosen = os.fspath(given) if given is not None else os.environ.get("ANALOG_DATA_DIR", "")
    if chosen:
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache else Path("~/.cache").expanduser()) / "analog" / "data"
