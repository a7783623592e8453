"""A spec that has a result gets it from the store, from Python as on the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from analogcli.cli.progress import ProgressView
from analogcli.registry import load
from analogcli.spec import ExecutionOptions
from analogcli.store import RunRecord, Store
from analogcli.training import stored_or_trained, train

OPTIONS = ExecutionOptions()
SPEC = load().spec(
    "digits-fcn", setting="fp-sgd", overrides={"task.epochs": 1, "task.model.hidden": [8], "task.dataset": "mnist5k"}
)


class Listener(ProgressView):
    """Keeps which stored runs it hears of, and does something when the first note is said."""

    def __init__(self, on_first_note: Callable[[], object] = lambda: None) -> None:
        super().__init__(quiet=True)
        self.found: list[RunRecord] = []
        self.notes = 0
        self._on_first_note = on_first_note

    def on_found(self, run: RunRecord) -> None:
        self.found.append(run)
        super().on_found(run)

    def on_note(self, note: str) -> None:
        self.notes += 1
        if self.notes == 1:
            self._on_first_note()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "analog.db"))


def test_a_spec_is_trained_once_and_then_found(store: Store) -> None:
    listener = Listener()
    trained = stored_or_trained(store, SPEC, OPTIONS, listener)
    assert trained.status == "finished" and listener.found == []
    assert stored_or_trained(store, SPEC, OPTIONS, listener) == trained
    assert listener.found == [trained]
    assert store.counts()["runs"] == 1


def test_again_trains_it_anew(store: Store) -> None:
    first = stored_or_trained(store, SPEC, OPTIONS, Listener())
    listener = Listener()
    assert stored_or_trained(store, SPEC, OPTIONS, listener, again=True).id != first.id
    assert listener.found == []


def test_what_is_unfinished_goes_on_under_its_id(store: Store) -> None:
    run = stored_or_trained(store, SPEC, OPTIONS, Listener())
    store.end(run.id, "interrupted")
    listener = Listener()
    ended = stored_or_trained(store, SPEC, OPTIONS, listener)
    assert (ended.id, ended.status, len(ended.attempts)) == (run.id, "finished", 2)
    assert [found.status for found in listener.found] == ["interrupted"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="that a GPU is missing is the note that the moment is known by")
def test_what_another_has_stored_since_it_was_looked_for_is_the_result(store: Store) -> None:
    by_another: list[RunRecord] = []
    # Notes are said before the run is begun: after the spec was looked for, before it is stored.
    listener = Listener(lambda: by_another.append(train(store, SPEC, OPTIONS, Listener())))
    found = stored_or_trained(store, SPEC, ExecutionOptions(cuda=0), listener)
    assert [found] == by_another == listener.found
    assert store.counts()["runs"] == 1
