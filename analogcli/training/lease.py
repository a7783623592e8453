"""While a run is trained its lease is renewed, by a thread that also listens for what others wish of the run."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from analogcli.errors import StoreError
from analogcli.store import LEASE_S, Queue, Store

LISTEN_S = 2.0
"""How often the thread listens [s]."""


@contextmanager
def keeping(store: Store, run_ids: Sequence[str], stop: Callable[[], None]) -> Iterator[None]:
    """Renew the leases of runs as long as the block runs; call ``stop`` once if one is to be cancelled."""
    over = threading.Event()
    queue = Queue(store)

    def beat() -> None:
        beats, asked = 0, False
        while not over.wait(LISTEN_S):
            beats += 1
            # A store that cannot be reached for a moment is asked again; the run itself says when it stays away.
            with suppress(StoreError):
                due = beats * LISTEN_S >= LEASE_S / 4
                wishes = [queue.renew(run_id) if due else queue.wish(run_id) for run_id in run_ids]
                beats = 0 if due else beats
                if "cancel" in wishes and not asked:
                    asked = True
                    stop()

    thread = threading.Thread(target=beat, name=f"lease of run {run_ids[0][:8]}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
