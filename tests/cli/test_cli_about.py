"""``analog about`` explains everything that `analog list` names, and what it says to type next can be typed."""

import shlex
from collections.abc import Callable

import pytest
from command_kit import Done

from analogcli.registry import load
from analogcli.registry.about import ALGORITHMS, PARTS, about
from analogcli.registry.devices import KINDS

REGISTRY = load(None)
SETTINGS = sorted({setting for protocol in REGISTRY.protocols.values() for setting in protocol.settings})
ENTRIES = [
    *(("experiment", name) for name in REGISTRY.experiments),
    *(("figure", name) for name in REGISTRY.figures if not REGISTRY.is_experiment(name)),
    # multitile-toy is a spelling of the figure first.
    *(("protocol", name) for name in REGISTRY.protocols if not REGISTRY.is_figure(name)),
    *(("preset", name) for name in REGISTRY.presets),
    *(("device", name) for name in KINDS),
    *(("setting", name) for name in SETTINGS),
    *(("part of a run", name) for name in PARTS),
]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_every_entry_is_explained_by_its_name_and_by_its_further_names(kind: str, name: str) -> None:
    found = about(REGISTRY, name)
    assert (found.kind, found.name) == (kind, name)
    assert all(about(REGISTRY, further).title for further in found.also)


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_what_to_type_next_can_be_typed(analog: Callable[..., Done], kind: str, name: str) -> None:
    found = about(REGISTRY, name)
    for command in found.commands:
        words = shlex.split(command)
        assert words[0] == "analog"
        if words[1] in ("run", "sweep") and "my_device.py:MyDevice" not in words:
            done = analog(*words[1:], *(() if "--dry-run" in words else ("--dry-run",)))
            assert done.code == 0, f"{command}: {done.err}"


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_a_setting_lists_every_field_of_its_algorithm(kind: str) -> None:
    own = set(ALGORITHMS[kind].model_fields) - {"kind"}
    listed = [
        {row[0].split(".")[0] for row in listing.rows}
        for setting in SETTINGS
        for listing in about(REGISTRY, setting).listings
        if listing.title == f"--set algorithm.…  ({kind})"
    ]
    assert bool(listed) == bool(own)
    assert all(fields == own for fields in listed)


def test_fields_say_their_meaning_and_default(analog: Callable[..., Done]) -> None:
    out = analog("about", "soft-bounds").out
    line = next(line for line in out.splitlines() if line.startswith("dw_min "))
    assert "0.001" in line
    assert "Granularity" in line


def test_notes_are_those_of_the_figure_its_experiments_and_its_protocol() -> None:
    notes = about(REGISTRY, "exact/fig3").notes
    assert set(REGISTRY.figures["exact/fig3"].notes) < set(notes)
    assert set(REGISTRY.experiments["squares-dynamics"].notes) < set(notes)
    assert any(note.startswith("protocol least-squares: ") for note in notes)


def test_a_misspelt_name_is_answered_with_the_nearest(analog: Callable[..., Done]) -> None:
    done = analog("about", "tabel2")
    assert done.code == 2
    assert "did you mean table2" in done.err


def test_json_has_all_of_it(analog: Callable[..., Done]) -> None:
    found = analog("about", "mnist-fcn", "--json").json
    assert found["kind"] == "experiment"
    assert [
        float(row[2].split(" ")[0])
        for listing in found["listings"]
        for row in listing["rows"]
        if row[:2] == ["analog-sgd", "tau 0.78"]
    ] == [97.71]
