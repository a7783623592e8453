"""Training a spec into the store."""

from analogcli.training.run import Observer, resume, train
from analogcli.training.stop import StopRequest, listening

__all__ = ["Observer", "StopRequest", "listening", "resume", "train"]
