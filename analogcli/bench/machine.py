"""On what something was measured."""

import platform
from dataclasses import dataclass
from pathlib import Path

from analogcli.processors import cores


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
    # The store comes with a database, which the processes that are timed have no use for.
    from analogcli.store import version_of

    return Machine(_processor(), cores(), threads, cuda, version_of("torch") or "absent", version_of("aihwkit"))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
