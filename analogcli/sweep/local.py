"""Running a plan on this machine: one process a run, so that a crash of one does not stop the rest."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analogcli.errors import StoreError
from analogcli.spec import ExecutionOptions
from analogcli.sweep.plan import Planned

Outcome = Literal["finished", "failed", "stopped"]


@dataclass(frozen=True)
class Result:
    """How one planned run ended; ``reason`` is its last word if it did not finish."""

    planned: Planned
    outcome: Outcome
    reason: str
    log: Path


class LocalSweep:
    """Worker processes under one roof; :meth:`stop` asks them all to stop at a checkpoint."""

    def __init__(self, store: str, logs: Path, options: ExecutionOptions) -> None:
        self._store, self._logs, self._options = store, logs, options
        self._stopping = threading.Event()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def run(
        self,
        plan: Sequence[Planned],
        workers: int,
        on_start: Callable[[Planned], None],
        on_end: Callable[[Result], None],
    ) -> list[Result]:
        """Run ``plan`` with this many processes at a time and return how each run ended.

        The callbacks are called from the threads that wait for the processes.

        Raises:
            StoreError: there is no room for the logs.
        """
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(f"the folder {self._logs} for logs cannot be made: {exc.strerror}") from exc
        with tempfile.TemporaryDirectory(prefix="analog-sweep-") as folder, ThreadPoolExecutor(workers) as pool:

            def one(planned: Planned) -> Result:
                result = self._one(planned, Path(folder), on_start)
                on_end(result)
                return result

            return list(pool.map(one, plan))

    def stop(self) -> None:
        """Ask every running process to stop at a checkpoint, and start no more."""
        self._stopping.set()
        with self._lock:
            for child in self._children:
                child.terminate()

    def _one(self, planned: Planned, folder: Path, on_start: Callable[[Planned], None]) -> Result:
        log = self._logs / f"{planned.spec.hash[:12]}.log"
        if self._stopping.is_set():
            return Result(planned, "stopped", "not started", log)
        try:
            code = self._process(planned, folder, log, on_start)
        except OSError as exc:
            return Result(planned, "failed", f"could not be started: {exc}", log)
        if code == 0:
            return Result(planned, "finished", "", log)
        said = _last_word(log, code)
        # A process that is still being born when it is asked to stop dies of the signal: SIGTERM, as whatever is
        # started in the background of a script ignores SIGINT until it listens.
        stopped = code == 130 or (code == -signal.SIGTERM and self._stopping.is_set())
        return Result(planned, "stopped" if stopped else "failed", said, log)

    def _process(self, planned: Planned, folder: Path, log: Path, on_start: Callable[[Planned], None]) -> int:
        file = folder / f"{planned.spec.hash[:12]}.yaml"
        file.write_text(planned.spec.to_yaml(), encoding="utf-8")
        on_start(planned)
        with log.open("wb") as output:
            # A session of its own: Ctrl-C in the terminal reaches the sweep, which passes it on once.
            child = subprocess.Popen(
                self._command(file),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            with self._lock:
                self._children.add(child)
            if self._stopping.is_set():
                child.terminate()
            code = child.wait()
            with self._lock:
                self._children.discard(child)
        return code

    def _command(self, spec_file: Path) -> list[str]:
        options = self._options
        command = [
            sys.executable,
            "-m",
            "analogcli",
            "run",
            "--spec",
            str(spec_file),
            "--store",
            self._store,
            "--quiet",
        ]
        command += ["--checkpoint-minutes", str(options.checkpoint_minutes)]
        given = {
            "--cuda": options.cuda,
            "--threads": options.threads,
            "--fuse": options.fuse,
            "--data-dir": options.data_dir,
        }
        for name, value in given.items():
            command += [] if value is None else [name, str(value)]
        return command


def default_workers() -> int:
    """Return how many runs fit on this machine at once: one a core, at most four."""
    return min(os.cpu_count() or 1, 4)


def _last_word(log: Path, code: int) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    said = lines[-1].removeprefix("error: ") if lines else ""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}" + (f"; last words: {said}" if said else "")
    return said or f"exit status {code}"
