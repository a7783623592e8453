"""Turns: A does n steps, then B, then C, and again, round after round; only one of them works at a time."""

import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from analogcli.bench.cases import Contender, LeftOut
from analogcli.bench.worker import Ready, Refused, work
from analogcli.errors import RunFailed

TURN_S = 0.3
"""About how long a turn is where the number of steps is not given."""


@dataclass(frozen=True)
class Timing:
    """What was measured of a contender."""

    contender: Contender
    turns_ms: tuple[float, ...]
    """Time of a step in each round, averaged over the steps of the turn [ms]."""
    steps: int
    """Steps of a turn."""
    peak_bytes: int | None
    """Most memory that training took, beyond what the process held before."""


def measure(
    contenders: Sequence[Contender],
    *,
    rounds: int,
    steps: int | None,
    threads: int,
    device: str,
    tell: Callable[[str], None],
) -> tuple[list[Timing], list[LeftOut]]:
    """Time all contenders in turn and return what they took, and who turned out not to work here.

    Args:
        rounds: turns of each contender.
        steps: steps of a turn; None: as many as take about 0.3 s.
        threads: CPU threads of each contender; only one of them works at a time.
        device: torch's name of the device.
        tell: called with what is going on.

    Raises:
        RunFailed: a contender's process ended in an error, which it has printed.
    """
    left_out: list[LeftOut] = []
    running: list[tuple[Worker, Ready, int, list[float]]] = []
    with ExitStack() as stack:
        for contender in contenders:
            worker = stack.enter_context(_started(contender, threads, device))
            answer = worker.receive()
            if isinstance(answer, Refused):
                left_out.append(LeftOut(contender.engine, contender.spec.setting, answer.reason))
                continue
            tell(f"{contender}: ready, about {answer.step_s:.2g} s a step")
            n = steps or min(max(1, math.ceil(TURN_S / answer.step_s)), 1000)
            running.append((worker, answer, n, []))
        for number in range(1, rounds + 1):
            for worker, _, n, turns_ms in running:
                turns_ms.append(1000 * worker.time(n) / n)
            tell(f"round {number} of {rounds}")
    return [Timing(w.contender, tuple(t), n, ready.peak_bytes) for w, ready, n, t in running], left_out


class Worker:
    """The parent's end of a contender's process."""

    def __init__(self, contender: Contender, threads: int, device: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.contender = contender
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, contender, threads, device), daemon=True)
        self._process.start()
        theirs.close()  # Only the child holds it now, so that its death ends the wait for an answer.

    def receive(self) -> Ready | Refused:
        """Wait until the contender is warm, or says why it cannot compete."""
        answer: Ready | Refused = self._answer(lambda: None)
        return answer

    def time(self, n: int) -> float:
        """Let it do n steps and return what they took [s]."""
        seconds: float = self._answer(lambda: self._connection.send(n))
        return seconds

    def _answer(self, ask: Callable[[], None]) -> Any:
        try:
            ask()
            return self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            raise RunFailed(f"the process of {self.contender} ended with exit status {code}") from None

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.terminate()
        self._process.join()
        self._connection.close()


@contextmanager
def _started(contender: Contender, threads: int, device: str) -> Iterator[Worker]:
    worker = Worker(contender, threads, device)
    try:
        yield worker
    finally:
        worker.end()
