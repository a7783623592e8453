"""A sweep that is followed ends as soon as its last run has, however long its workers took to start."""

import time
from collections.abc import Sequence
from pathlib import Path

from analogcli.registry import load
from analogcli.spec import ExecutionOptions
from analogcli.store import Queue, Queued, Store, Wanted, collect
from analogcli.sweep.follow import follow

START_S = 1.0


class SlowToStart:
    """Workers that take a second to start, and whose run has finished by then."""

    is_alive, reason = True, ""

    def __init__(self, store: Store) -> None:
        self.store = store

    def tend(self, entries: Sequence[Queued]) -> list[str]:
        (entry,) = entries
        time.sleep(START_S)
        provenance = collect(ExecutionOptions(), "cpu", "fingerprint", None)
        self.store.take_over(entry.run_id, provenance, repeatable=True, resolved={})
        self.store.end(entry.run_id, "finished")
        return []

    def stop(self) -> None: ...

    def log_of(self, entry: Queued) -> Path | None: ...


def test_what_workers_take_to_start_is_not_taken_for_the_time_of_the_store(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "analog.db"))
    queue = Queue(store)
    queue.add("s", [Wanted(load().spec("digits-fcn"), "analog run digits-fcn")])
    began = time.monotonic()
    (entry,) = follow(queue, "s", SlowToStart(store), lambda *_: None, lambda _: None, lambda: False)
    assert entry.status == "finished"
    assert time.monotonic() - began < 5 * START_S
