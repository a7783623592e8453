"""The one worker that is this very process, for runs that take less time than a process takes to start."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analogcli.spec import ExecutionOptions
from analogcli.store import Queued, Store
from analogcli.sweep.worker import View, work
from analogcli.training import StopRequest


@dataclass
class Here:
    """This process as the worker of one sweep; see :class:`analogcli.sweep.follow.Workers`."""

    store: Store
    sweep: str
    options: ExecutionOptions
    view: View
    request: StopRequest
    is_alive: bool = False
    reason: str = ""

    def log_of(self, entry: Queued) -> Path | None:
        """Return None: what there is to say is said at once."""

    def tend(self, entries: Sequence[Queued]) -> list[str]:
        """Train what waits, one after the other."""
        if any(entry.is_claimable for entry in entries):
            work(self.store, self.options, self.request, self.view, lambda *_: None, sweep=self.sweep)
        return []

    def stop(self) -> None:
        """Do nothing: the request is this process's own."""
