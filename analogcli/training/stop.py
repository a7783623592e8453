"""Ctrl-C and SIGTERM as a wish to stop, which training grants at the next mini-batch, with a checkpoint."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether somebody asked to stop; checked between mini-batches."""

    def __init__(self, on_request: Callable[[], None]) -> None:
        self.asked = False
        self._on_request = on_request

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal; a second one stops at once."""
        del frame
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._on_request()


@contextmanager
def listening(on_request: Callable[[], None]) -> Iterator[StopRequest]:
    """Listen for SIGINT and SIGTERM while the block runs (in the main thread; elsewhere nothing is listened to)."""
    request = StopRequest(on_request)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    old = {number: signal.signal(number, request.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
