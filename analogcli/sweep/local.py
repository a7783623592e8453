"""Workers on this machine: processes that claim from the queue, so that a crash of one does not stop the rest."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analogcli.errors import StoreError
from analogcli.processors import cores
from analogcli.spec import ExecutionOptions
from analogcli.store import Queued

MAX_BARREN = 3
"""Workers that may be killed one after the other before they have claimed anything."""


@dataclass
class _Worker:
    """A worker process; ``number`` tells it from those beside it, and is that of its CUDA device."""

    number: int
    process: "subprocess.Popen[bytes]"
    log: Path
    has_claimed: bool = False


@dataclass
class LocalWorkers:
    """Up to ``count`` worker processes for one sweep; see :class:`analogcli.sweep.follow.Workers`."""

    store: str
    sweep: str
    logs: Path
    options: ExecutionOptions
    count: int
    cuda: Sequence[int | None] = (None,)
    """CUDA devices; each worker has one."""
    _running: list[_Worker] = field(default_factory=list)
    _stopping: bool = False
    _barren: int = 0
    _reason: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether a worker still runs."""
        return bool(self._running)

    @property
    def reason(self) -> str:
        """Why no more workers are started; empty if they are."""
        return self._reason

    def log_of(self, entry: Queued) -> Path | None:
        """Return the log of the worker that has a run, or had it last."""
        return self._log_of.get(entry.run_id)

    _log_of: dict[str, Path] = field(default_factory=dict)

    def tend(self, entries: Sequence[Queued]) -> list[str]:
        """Start workers for what waits, and return what is to be said of those that died."""
        held = {entry.owner.pid: entry for entry in entries if entry.owner.is_here}
        for worker in self._running:
            if entry := held.get(worker.process.pid):
                worker.has_claimed = True
                self._log_of[entry.run_id] = worker.log
        said = [text for worker in list(self._running) if (text := self._buried(worker))]
        busy = sum(worker.process.pid in held for worker in self._running)
        waiting = sum(entry.is_claimable for entry in entries)
        while not self._stopping and not self._reason and len(self._running) < min(self.count, busy + waiting):
            self._start()
        return said

    def stop(self) -> None:
        """Ask every worker to stop at a checkpoint, and start no more."""
        self._stopping = True
        for worker in self._running:
            worker.process.terminate()

    def detach(self, waiting: int) -> str:
        """Start workers that go on when this process has ended, and say which."""
        for _ in range(min(self.count, waiting)):
            self._start(bound=False)
        return f"{len(self._running)} workers: {', '.join(f'process {w.process.pid}' for w in self._running)}"

    def _buried(self, worker: _Worker) -> str:
        """Return what is to be said of a worker that has ended, and forget it; nothing of one that ended well."""
        code = worker.process.poll()
        if code is None:
            return ""
        self._running.remove(worker)
        if code in (0, 130) or (code == -signal.SIGTERM and self._stopping):
            return ""
        if code > 0:  # It could say why: the next one would not fare better.
            self._reason = _last_word(worker.log) or f"exit status {code}"
            return f"a worker ended: {self._reason} (log: {worker.log})"
        self._barren = 0 if worker.has_claimed else self._barren + 1
        name = signal.Signals(-code).name
        if self._barren == MAX_BARREN:
            self._reason = f"workers are killed by {name} before they have begun (log: {worker.log})"
        return f"a worker was killed by {name}; what it trained goes on from its last checkpoint (log: {worker.log})"

    def _start(self, *, bound: bool = True) -> None:
        taken = {worker.number for worker in self._running}
        number = next(n for n in range(self.count) if n not in taken)
        log = self.logs / f"{self.sweep.replace('/', '-')}-{number}.log"
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as output:
                # A session of its own: Ctrl-C in the terminal reaches the sweep, which passes it on once. A bound
                # worker sees its standard input end when the sweep is gone, however that came.
                process = subprocess.Popen(
                    self._command(self.cuda[number % len(self.cuda)], bound),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.PIPE if bound else subprocess.DEVNULL,
                    # Not as an argument: everybody on the machine can read these, and it may hold a password.
                    env=os.environ | {"ANALOG_STORE": self.store},
                    start_new_session=True,
                )
        except OSError as exc:
            raise StoreError(f"a worker with the log {log} cannot be started: {exc.strerror}") from exc
        self._running.append(_Worker(number, process, log))

    def _command(self, cuda: int | None, bound: bool) -> list[str]:
        options = self.options
        command = [sys.executable, "-m", "analogcli", "worker", "--sweep", self.sweep]
        command += ["--until-eof"] if bound else []
        given = {
            "--cuda": cuda,
            "--threads": options.threads,
            "--fuse": options.fuse,
            "--data-dir": options.data_dir,
            "--checkpoint-minutes": options.checkpoint_minutes,
        }
        for name, value in given.items():
            command += [] if value is None else [name, str(value)]
        return command


def default_workers() -> int:
    """Return how many runs fit on this machine at once: one a core, at most four."""
    return min(cores(), 4)


def _last_word(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else ""
