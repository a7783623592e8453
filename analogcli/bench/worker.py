"""One contender in a process of its own: no thread pool and no memory is shared with another engine.

Idle, it waits for a message; the thread pools of OpenMP sleep a moment after their last work.
"""

import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from analogcli.bench.cases import Contender
from analogcli.errors import AnalogError

WARM_UP_STEPS, WARM_UP_S = 2, 0.5
"""Least number of steps, and least time, before anything is timed: caches fill, clocks rise, graphs are captured."""
REST_S = 0.02
"""Before a turn, so that the threads of the engine that was timed before have gone to sleep."""


@dataclass(frozen=True)
class Ready:
    """The contender is warm."""

    step_s: float
    """About the time of a step [s]."""
    peak_bytes: int | None


@dataclass(frozen=True)
class Refused:
    """The contender cannot compete here."""

    reason: str


def work(connection: Connection, contender: Contender, threads: int, device_name: str) -> None:
    """Warm up a contender and send :class:`Ready` or :class:`Refused`; then answer every n with the time of n steps.

    The parent ends the process. An error that is not the user's ends it as well, after its traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process.
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(threads)
    import torch

    from analogcli.bench.memory import PeakMemory
    from analogcli.bench.steps import Step, images, step_of

    torch.set_num_threads(threads)
    device = torch.device(device_name)

    def timed(step: Step, n: int) -> float:
        start = time.perf_counter()
        for _ in range(n):
            step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    try:
        batches = images(contender, device)
        # Libraries, compiled loops and thread pools come with the first step: they belong to no step and no model.
        small = step_of(contender, contender.network.small, batches, device)
        timed(small, WARM_UP_STEPS)
        memory = PeakMemory(device)
        step = step_of(contender, contender.spec.task.model, batches, device)
        last, steps, begun = timed(step, 1), 1, time.perf_counter()
        while steps < WARM_UP_STEPS or time.perf_counter() - begun < WARM_UP_S:
            last, steps = timed(step, 1), steps + 1
    except AnalogError as exc:
        connection.send(Refused(str(exc)))
        return
    connection.send(Ready(last, memory.bytes))
    while True:
        n = connection.recv()
        time.sleep(REST_S)
        connection.send(timed(step, n))
