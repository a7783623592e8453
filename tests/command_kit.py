"""The command line under test: what a call gives, a process that can be watched, a run that takes no time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TINY = ("--dataset", "mnist5k", "--set", "task.model.hidden=[8]", "--batch-size", "100")
"""A run of about a tenth of a second an epoch, on data that need no network."""

Result = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """A command that ended: exit status, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout, which must be JSON and nothing else."""
        return json.loads(self.out)


class Running:
    """A real ``analog`` process."""

    def __init__(self, arguments: tuple[str, ...], logs: Path, environment: dict[str, str]) -> None:
        self._out, self._err = logs / "out", logs / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "analogcli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=os.environ | environment,
            )

    @property
    def err(self) -> str:
        """What it wrote to stderr so far."""
        return self._err.read_text(errors="replace")

    def says(self, text: str, timeout: float = 60) -> None:
        """Wait until stderr holds ``text``."""
        wait_until(lambda: text in self.err or self.process.poll() is not None, timeout)
        assert text in self.err, self.err

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def finish(self, timeout: float = 120) -> Done:
        """Wait for its end; ``code`` is negative if a signal ended it."""
        code = self.process.wait(timeout)
        return Done(code, self._out.read_text(errors="replace"), self.err)


def wait_until(true: Callable[[], bool], timeout: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, f"not within {timeout:g} s"
        time.sleep(0.02)
