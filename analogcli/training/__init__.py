"""Training a spec into the store."""

from analogcli.training.run import Observer, resume, train

__all__ = ["Observer", "resume", "train"]
