"""Workers as jobs of a Slurm cluster (through submitit): an array of jobs that claim from the one queue.

A job is told 90 s before its time is up: it makes a checkpoint, puts the run back into the queue and queues itself
again. Whether a run is done is what the store says; of Slurm it is only asked whether jobs are left.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analogcli.errors import UsageError
from analogcli.spec import ExecutionOptions
from analogcli.store import Queue, Queued, RunRecord, Store
from analogcli.sweep.profile import Profile

LAST_CALL = signal.SIGUSR2
"""What the cluster sends before a job's time is up, and before it is preempted."""
LAST_CALL_S = 90
ASK_S = 1.0
"""How often Slurm is asked for the jobs that are left [s]."""
MAX_BARREN = 3
"""Arrays of jobs that may end, one after the other, without any of them having claimed a run."""


@dataclass(frozen=True)
class SlurmWorker:
    """What one job does."""

    store: str
    sweep: str
    options: ExecutionOptions

    def __call__(self) -> None:
        """Train what is queued; at the last call put it back and queue this job again."""
        from analogcli.sweep.worker import Log, work
        from analogcli.training import listening

        store = Store.open(self.store)

        def on_end(run: RunRecord, reason: str) -> None:
            _say(f"run {run.short_id} {run.status}" + (f": {reason}" if reason else ""))

        with listening(lambda: _say("stopping at a checkpoint …"), LAST_CALL) as request:
            work(store, self.options, request, lambda: nullcontext(Log(_say)), on_end, sweep=self.sweep)
        left = any(entry.is_claimable for entry in Queue(store).waiting(self.sweep))
        if request.signal == LAST_CALL and left:
            _say("the job queues again")
            subprocess.run(["scontrol", "requeue", job_name()], check=True, timeout=60)
        if request.asked:
            sys.exit(130)

    def checkpoint(self, *arguments: Any, **words: Any) -> Any:
        """Return what the job does when it is told before it has begun: the same, later."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments, **words)


@dataclass
class SlurmWorkers:
    """Jobs, ``count`` at a time, for one sweep; see :class:`analogcli.sweep.follow.Workers`."""

    store: str
    sweep: str
    logs: Path
    options: ExecutionOptions
    count: int
    profile: Profile
    _arrays: list[str] = field(default_factory=list)
    _stopping: bool = False
    _barren: int = 0
    _reason: str = ""
    _alive: bool = False
    _asked_at: float = float("-inf")

    @property
    def is_alive(self) -> bool:
        """Whether a job waited or ran when the cluster was last asked."""
        return self._alive

    @property
    def reason(self) -> str:
        """Why no more jobs are submitted; empty if they are."""
        return self._reason

    def log_of(self, entry: Queued) -> Path | None:
        """Return the folder with the logs of all jobs."""
        return self._folder if entry.worker else None

    def tend(self, entries: Sequence[Queued]) -> list[str]:
        """Submit jobs where none are left and something waits."""
        if time.monotonic() - self._asked_at < ASK_S:
            return []
        self._asked_at = time.monotonic()
        had, self._alive = self._alive, bool(_left(self._arrays))
        waiting = sum(entry.is_claimable for entry in entries)
        if self._alive or self._stopping or self._reason or not waiting:
            return []
        if had:
            claimed = {entry.worker.partition(" ")[2].partition("_")[0] for entry in entries if entry.worker}
            self._barren = 0 if self._arrays[-1] in claimed else self._barren + 1
        if self._barren == MAX_BARREN:
            self._reason = f"jobs end before they have begun (logs: {self._folder})"
            return [self._reason]
        return [self._submit(min(self.count, waiting))]

    def stop(self) -> None:
        """Ask every job to stop at a checkpoint, and those that have not begun not to begin."""
        self._stopping = True
        for how in (["--state=PENDING"], ["--state=RUNNING", "--signal=TERM"]):
            _slurm("scancel", *how, *self._arrays)

    def detach(self, waiting: int) -> str:
        """Submit jobs that go on when this process has ended, and say which."""
        return self._submit(min(self.count, waiting))

    @property
    def _folder(self) -> Path:
        return (self.logs / f"{self.sweep.replace('/', '-')}-slurm").absolute()

    def _submit(self, count: int) -> str:
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError

        profile = self.profile
        # What the jobs are to do is written there, the address of the store too.
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        executor = SlurmExecutor(folder=self._folder)
        asked = {"partition": profile.partition, "mem": profile.memory, "gpus_per_node": profile.gpus or None}
        executor.update_parameters(
            job_name=f"analog {self.sweep}",
            time=profile.time,
            cpus_per_task=profile.cpus,
            setup=list(profile.setup),
            signal_delay_s=LAST_CALL_S,
            array_parallelism=count,
            stderr_to_stdout=True,
            additional_parameters={"requeue": True, **profile.further},
            **{name: value for name, value in asked.items() if value is not None},
        )
        options = self.options.model_copy(update={"cuda": 0}) if profile.gpus else self.options
        worker = SlurmWorker(self.store, self.sweep, options)
        try:
            with executor.batch():
                jobs = [executor.submit(worker) for _ in range(count)]
        except FailedJobError as exc:
            said = str(exc).strip().splitlines()[0].removeprefix("sbatch: error: ")
            raise UsageError(f"Slurm does not take the job: {said}; change the flags or the profile") from exc
        self._arrays.append(jobs[0].job_id.partition("_")[0])
        self._alive = True
        return f"{count} jobs submitted to Slurm as {self._arrays[-1]} (logs: {self._folder})"


def _say(text: str) -> None:
    print(text, flush=True)


def check() -> None:
    """Raise :class:`UsageError` where jobs cannot be submitted from here."""
    if shutil.which("sbatch") is None:
        raise UsageError("--launcher slurm: there is no sbatch here; type it on a login node of the cluster")
    try:
        import submitit  # noqa: F401
    except ImportError as exc:
        raise UsageError("--launcher slurm needs the package submitit; pip install 'analogcli[cluster]'") from exc


def job_name() -> str:
    """Return by which name Slurm knows the job that this process is part of."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]


def _left(arrays: Sequence[str]) -> list[str]:
    """Return the jobs of these arrays that wait or run."""
    if not arrays:
        return []
    # All jobs of the user, as squeue fails when it is asked for one that has been forgotten.
    said = _slurm("squeue", "--me", "--noheader", "--array", "--format=%F %T")
    return [line for line in said.splitlines() if line.split()[0] in arrays]


def _slurm(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.stdout
