"""Who trains a run: tells a living process from one that was killed, and from a later one with the same number.

On the machine and in the container where a process runs it can be looked for; of any other only its lease is known,
which it renews for as long as it lives and which is measured by the database's clock (``claims.py``).
"""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Owner:
    """The process that trains a run."""

    hostname: str | None
    pid: int | None
    started: float | None
    place: str | None
    """The machine since its last start, and the container: within one place numbers of processes mean something."""

    @property
    def is_here(self) -> bool:
        """Whether it would be seen from here if it still ran."""
        return self.place == _place()

    @property
    def runs(self) -> bool:
        """Whether a process that :attr:`is_here` still runs."""
        try:
            if self.pid is None or self.started is None or abs(_started(self.pid) - self.started) > 0.02:
                return False
            # A killed process keeps its number until its parent asks for it, in some containers for ever.
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return False

    def holds(self, lease_until: float | None, now: float) -> bool:
        """Whether a run that this process has begun is still its own; times are the database's [s since 1970]."""
        if self.is_here:
            return self.runs
        return lease_until is not None and lease_until > now

    def __str__(self) -> str:
        return f"process {self.pid} on {self.hostname}"


def this_process() -> Owner:
    """Return the owner that stands for the running process."""
    return Owner(socket.gethostname(), os.getpid(), _started(os.getpid()), _place())


def _started(pid: int) -> float:
    """Return when a process started [s]; on Linux since the machine did, as a clock that is set must not kill it."""
    try:
        # The second field, the name, may hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except FileNotFoundError:
        return psutil.Process(pid).create_time()


@cache
def _place() -> str:
    boot, container = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if not boot.exists() or not container.is_symlink():
        return socket.gethostname()
    return f"{boot.read_text(encoding='ascii').strip()} {os.readlink(container)}"
