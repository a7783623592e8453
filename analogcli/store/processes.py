"""Who trains a run: tells a living process from one that was killed, and from a later one with the same number."""

import os
import socket
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Owner:
    """The process that trains a run."""

    hostname: str | None
    pid: int | None
    started: float | None

    @property
    def is_here(self) -> bool:
        """Whether it ran on this machine."""
        return self.hostname == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; a process on another machine is taken to be alive."""
        if not self.is_here:
            return True
        try:
            process = psutil.Process(self.pid) if self.pid is not None else None
            if process is None or abs(process.create_time() - (self.started or 0)) >= 1.0:
                return False
            # A killed process keeps its number until its parent asks for it, in some containers for ever.
            return process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def this_process() -> Owner:
    """Return the owner that stands for the running process."""
    return Owner(socket.gethostname(), os.getpid(), psutil.Process().create_time())
