"""Ctrl-C and SIGTERM as a wish to stop, which training grants at the next mini-batch, with a checkpoint."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether somebody asked to stop; checked between mini-batches."""

    def __init__(self, on_request: Callable[[], None], of: "StopRequest | None" = None) -> None:
        """``of`` is the request of a whole of which this one is about a part: who stops that stops this too."""
        self._asked = False
        self.signal: int | None = None
        """The first signal that asked."""
        self._on_request, self._of = on_request, of

    @property
    def asked(self) -> bool:
        """Whether somebody did."""
        return self._asked or (self._of is not None and self._of.asked)

    def ask(self) -> None:
        """Ask to stop at the next checkpoint."""
        if not self._asked:
            self._asked = True
            self._on_request()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal; a second one stops at once."""
        del frame
        if self.asked:
            raise KeyboardInterrupt
        self.signal = number
        self.ask()


@contextmanager
def listening(on_request: Callable[[], None], *further: signal.Signals) -> Iterator[StopRequest]:
    """Listen for SIGINT, SIGTERM and ``further`` signals while the block runs.

    Only in the main thread; elsewhere nothing is listened to.
    """
    request = StopRequest(on_request)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    old = {number: signal.signal(number, request.on_signal) for number in (signal.SIGINT, signal.SIGTERM, *further)}
    try:
        yield request
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
