"""Training a spec into the store."""

from analogcli.training.run import Observer, resume, resume_together, train
from analogcli.training.stop import StopRequest, listening

__all__ = ["Observer", "StopRequest", "listening", "resume", "resume_together", "train"]
