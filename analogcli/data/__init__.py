"""Data sets as tensors that live on the training device; nothing here imports torch before a set is loaded.

::

    names, describe, available, where     which sets there are and what is found on this machine
    size                                  how large the images are, whether they are there or not
    load → DataSet                        one set, complete, on the device
    Pipeline                              what a network sees of them
    problem, descend                      a random least-squares problem, and where gradient descent on it comes to
    orders, train_batches, test_batches   mini-batches of it, for one model or several
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from analogcli.data.directory import data_directory
from analogcli.data.registry import available, describe, names, size, where

if TYPE_CHECKING:
    from analogcli.data.augment import Pipeline
    from analogcli.data.batches import order, orders, test_batches, train_batch, train_batches
    from analogcli.data.dataset import DataSet, load
    from analogcli.data.least_squares import descend, problem

__all__ = [
    "DataSet",
    "Pipeline",
    "available",
    "data_directory",
    "descend",
    "describe",
    "load",
    "names",
    "order",
    "orders",
    "problem",
    "size",
    "test_batches",
    "train_batch",
    "train_batches",
    "where",
]

_NEEDS_TORCH = {
    "DataSet": "dataset",
    "Pipeline": "augment",
    "descend": "least_squares",
    "load": "dataset",
    "order": "batches",
    "orders": "batches",
    "problem": "least_squares",
    "test_batches": "batches",
    "train_batch": "batches",
    "train_batches": "batches",
}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Importing torch takes seconds, and to list the sets or to refuse a misspelt one takes none of it.
    return getattr(import_module(f"{__name__}.{_NEEDS_TORCH[name]}"), name)
