"""Training a spec into the store; nothing here imports torch before something is trained.

::

    stored_or_trained                 the result of a spec, as it is stored, or trained first
    train, resume, resume_together    a new run, the rest of one, runs that are alike at once
    Observer, SpecObserver            who watches
    listening → StopRequest           the wish to stop at a checkpoint, as signals say it
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from analogcli.training.observer import Observer, SpecObserver
from analogcli.training.once import stored_or_trained
from analogcli.training.stop import StopRequest, listening

if TYPE_CHECKING:
    from analogcli.training.run import resume, resume_together, train

__all__ = [
    "Observer",
    "SpecObserver",
    "StopRequest",
    "listening",
    "resume",
    "resume_together",
    "stored_or_trained",
    "train",
]

_NEEDS_TORCH = ("resume", "resume_together", "train")


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Importing torch takes seconds, and a result that is stored already is shown without it.
    return getattr(import_module(f"{__name__}.run"), name)
