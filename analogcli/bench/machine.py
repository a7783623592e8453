"""On what something was measured."""

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """Processor, the cores and threads used, and the versions that decide the speed."""

    processor: str
    cores: int
    """Cores that this process may use."""
    threads: int
    cuda: str | None
    """Name of the CUDA device if one is used."""
    torch: str
    aihwkit: str | None

    def __str__(self) -> str:
        where = f"{self.cuda}, {self.processor}" if self.cuda else self.processor
        count = f"{self.cores} cores, {self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{where}, {count}; torch {self.torch}, aihwkit {self.aihwkit or 'absent'}"


def this_machine(threads: int, cuda: str | None = None) -> Machine:
    """Return the description of this machine with this number of threads and this CUDA device."""
    return Machine(_processor(), cores(), threads, cuda, _version("torch") or "absent", _version("aihwkit"))


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
