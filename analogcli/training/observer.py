"""Who watches training, e.g. the progress display; nothing here imports torch."""

from collections.abc import Sequence
from typing import Protocol

from analogcli.store import EpochRecord, ModelRecord, RunRecord


class Observer(Protocol):
    """Who watches a run."""

    def on_start(self, run: RunRecord, steps_per_epoch: int) -> None: ...
    def on_note(self, note: str) -> None: ...
    def on_models(self, models: Sequence[ModelRecord], epochs_done: int) -> None: ...
    def on_step(self, epoch: int, step: int, steps: int) -> None: ...
    def on_epoch(self, models: Sequence[ModelRecord], records: Sequence[EpochRecord]) -> None: ...
    def on_stop_request(self) -> None: ...


class SpecObserver(Observer, Protocol):
    """Who watches that a spec gets its result, which may be stored already."""

    def on_found(self, run: RunRecord) -> None:
        """Hear of the stored run: a finished one is the result, any other is trained to its end now."""
        ...
