"""Where the workers of a sweep run: flags, and what they come to."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from analogcli.spec import ExecutionOptions
    from analogcli.store import Store
    from analogcli.sweep import LocalWorkers, Profile, SlurmWorkers

CLUSTER = "Cluster (--launcher slurm)"


class Launcher(StrEnum):
    """Who starts the workers of a sweep."""

    LOCAL = "local"
    SLURM = "slurm"


LauncherOption = Annotated[
    Launcher,
    typer.Option("--launcher", help="Workers are processes here, or jobs of Slurm.", rich_help_panel=o.EXECUTION),
]
DetachOption = Annotated[
    bool, typer.Option("--detach", help="Start the workers and come back at once.", rich_help_panel=o.EXECUTION)
]
DevicesOption = Annotated[
    str | None,
    typer.Option(
        "--cuda",
        metavar="INDEX,…",
        help="CUDA devices to use, one a worker; without it, or with -1, the CPU.",
        rich_help_panel=o.EXECUTION,
    ),
]
AllThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads", min=1, help="CPU threads of all workers together (default: 1 each).", rich_help_panel=o.EXECUTION
    ),
]
ProfileOption = Annotated[
    Path | None,
    typer.Option("--profile", metavar="FILE", help="YAML with the options below.", rich_help_panel=CLUSTER),
]
PartitionOption = Annotated[
    str | None, typer.Option("--partition", help="Partition of the cluster.", rich_help_panel=CLUSTER)
]
TimeOption = Annotated[
    int | None,
    typer.Option(
        "--time",
        metavar="MINUTES",
        help="Time limit of a job; before it ends the job makes a checkpoint and queues again (default: 60).",
        rich_help_panel=CLUSTER,
    ),
]
GpusOption = Annotated[
    int | None, typer.Option("--gpus", min=0, help="GPUs a job (default: 0).", rich_help_panel=CLUSTER)
]
CpusOption = Annotated[
    int | None, typer.Option("--cpus", min=1, help="CPU cores a job (default: 1).", rich_help_panel=CLUSTER)
]
MemoryOption = Annotated[
    str | None, typer.Option("--memory", metavar="SIZE", help="Memory a job, e.g. 8G.", rich_help_panel=CLUSTER)
]
SetupOption = Annotated[
    list[str] | None,
    typer.Option(
        "--setup",
        metavar="LINE",
        help="Shell line before the worker starts, e.g. 'module load cuda' (repeatable).",
        rich_help_panel=CLUSTER,
    ),
]


def profile(
    file: Path | None,
    partition: str | None,
    time: int | None,
    gpus: int | None,
    cpus: int | None,
    memory: str | None,
    setup: list[str] | None,
) -> "Profile":
    """Return what a job asks for: what the file says, and over it the flags."""
    from analogcli.sweep import Profile

    given = {"partition": partition, "time": time, "gpus": gpus, "cpus": cpus, "memory": memory, "setup": setup}
    return Profile.read(file, {name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class Launch:
    """How a sweep is to be trained, as typed."""

    launcher: Launcher
    asked: int | None
    detach: bool
    cuda: str | None
    threads: int | None
    fuse: str | None
    data_dir: str | None
    profile: "Profile"

    @property
    def count(self) -> int:
        """Workers at most."""
        from analogcli.sweep import default_workers

        return self.asked or default_workers()

    def devices(self) -> list[int | None]:
        """Return the CUDA devices to share out; None is the CPU.

        Raises:
            UsageError: they are not numbers.
        """
        from analogcli.errors import UsageError

        try:
            numbers = [int(part) for part in (self.cuda or "-1").split(",")]
        except ValueError as exc:
            raise UsageError(f"--cuda {self.cuda!r} is not a number or several, e.g. --cuda 0,1") from exc
        return [None if number == -1 else number for number in numbers]

    def check(self) -> None:
        """Raise :class:`analogcli.errors.UsageError` where no worker could be started like this."""
        from analogcli.sweep import slurm

        self.devices()
        if self.launcher is Launcher.SLURM:
            slurm.check()

    def options(self, count: int) -> "ExecutionOptions":
        """Return how each of ``count`` workers trains."""
        from analogcli.cli.run import execution_options

        threads = max(self.threads // count, 1) if self.threads else None
        return execution_options(self.devices()[0], threads, self.fuse, self.data_dir)

    def workers(self, store: "Store", name: str, count: int) -> "LocalWorkers | SlurmWorkers":
        """Return the workers of the sweep called ``name``, none of which has been started yet."""
        from analogcli.sweep import LocalWorkers, SlurmWorkers

        logs, address, options = store.folder / "logs", store.location.address, self.options(count)
        if self.launcher is Launcher.SLURM:
            return SlurmWorkers(address, name, logs, options, count, self.profile)
        return LocalWorkers(address, name, logs, options, count, self.devices())
