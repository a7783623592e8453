"""The short form of ``load_kit.py``: many writers at once, and commands on a store that holds much."""

import json
import time
from collections.abc import Callable

import pytest
from command_kit import Done
from load_kit import fill, write_all

from analogcli.store import Store
from analogcli.store.rows import SpecTexts

WRITERS, RUNS, EPOCHS = 16, 2, 3


def test_many_writers_at_once_fail_nowhere_and_lose_nothing(address: str) -> None:
    Store.open(address)
    written = write_all(address, WRITERS, RUNS, EPOCHS)
    assert [one.runs for one in written] == [RUNS] * WRITERS
    store = Store.open(address)
    counts = store.counts()
    assert counts["runs"] == counts["models"] == WRITERS * RUNS
    assert counts["epochs"] == counts["series"] == WRITERS * RUNS * EPOCHS
    assert {(run.status, run.epochs_done) for run in store.runs()} == {("finished", EPOCHS - 1)}


COMMANDS = {
    "list": ("list", "runs"),
    "compare": ("compare",),
    "compare a figure": ("compare", "fig4"),
    "plot": ("plot", "fig4", "--data", "csv"),
    "show": ("show", "last"),
}


@pytest.fixture
def large(address: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Two thousand runs and twenty thousand epochs; a fifth of what the long form has."""
    monkeypatch.setenv("ANALOG_STORE", address)
    store = Store.open(address)
    fill(store, 2000, 10)
    return store


def test_commands_read_no_more_than_they_show(large: Store, analog: Callable[..., Done]) -> None:
    analog("list", "runs", "--newest", "1")  # what is imported once is not what is asked here
    for name, words in COMMANDS.items():
        began = time.process_time()
        done = analog(*words)
        assert done.code == 0, done.err
        assert time.process_time() - began < 2, name
    listed, compared = analog("list", "runs"), analog("compare")
    for done in (listed, compared):
        assert "note: the newest 100 runs; --newest 0 shows 1900 older ones too" in done.err
        assert len(done.out.splitlines()) < 110
    everything = analog("list", "runs", "--json")
    assert len(everything.json) == 2000 and "newest" not in everything.err
    assert [run["run"] for run in analog("list", "runs", "--json", "--newest", "2").json] == ["000007cf", "000007d0"]


def test_the_run_that_a_line_is_drawn_from_is_found_among_very_many(large: Store) -> None:
    from analogcli.figures.selection import choose, of_figure
    from analogcli.registry import load

    registry = load()
    figure = registry.figure("fig4")
    found = of_figure(large, registry, figure, {})
    assert [(c.run and c.run.id, c.remark) for c in found] == [
        (c.run and c.run.id, c.remark) for c in choose(registry.curves(figure), large.runs())
    ]
    assert sum(choice.run is not None for choice in found) >= 4


def test_specs_that_are_decoded_together_are_those_that_are_stored(large: Store) -> None:
    # Their text is looked at instead of decoding each: also where a nested seed looks like that of the run.
    specs = {run.id: run.spec_data for run in large.runs(newest=100)}
    assert {head.id: head.spec_data for head in large.heads() if head.id in specs} == specs
    odd = '{"seed": 3, "device": {"seed": 4, "kind": "\\"seed\\": 5"}}'
    assert SpecTexts().decoded(odd) == json.loads(odd)
