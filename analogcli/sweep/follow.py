"""A sweep is followed in the store, wherever its workers are: what the queue says is the truth."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from analogcli.store import Queue, Queued

LOOK_S = 0.25
"""Time between two looks at the queue, at least [s]; a look takes at most a tenth of it."""


class Workers(Protocol):
    """Who trains what a sweep has queued."""

    @property
    def is_alive(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    def tend(self, entries: Sequence[Queued]) -> list[str]: ...
    def stop(self) -> None: ...
    def log_of(self, entry: Queued) -> Path | None: ...


def follow(
    queue: Queue,
    sweep: str,
    workers: Workers,
    on_change: Callable[[Queued, str | None], None],
    on_note: Callable[[str], None],
    asked: Callable[[], bool],
) -> list[Queued]:
    """Tend ``workers`` until nothing of ``sweep`` is left to do, or stopping was asked for and they have stopped.

    ``on_change`` is told each run whose status has changed, with what it was before; first None.
    """
    before: dict[str, str] = {}
    stopped = False
    while True:
        began = time.monotonic()
        entries = queue.waiting(sweep)
        looked = time.monotonic() - began
        for entry in entries:
            if before.get(entry.run_id) != entry.status:
                on_change(entry, before.get(entry.run_id))
                before[entry.run_id] = entry.status
        if all(entry.is_over for entry in entries):
            return entries
        if asked() and not stopped:
            stopped = True
            workers.stop()
        for text in workers.tend(entries):
            on_note(text)
        if not workers.is_alive and (stopped or workers.reason):
            return queue.waiting(sweep)
        # To start workers takes seconds too, but not of the store.
        time.sleep(max(LOOK_S, 10 * looked))
