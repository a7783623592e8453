"""Every entry of the shipped registry is whole: it loads, its names are its own, all that it offers can be built."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from analogcli.errors import UnknownName
from analogcli.registry import Experiment, Figure, Protocol, load
from analogcli.registry.files import FOLDERS, _shipped
from analogcli.registry.registry import fold
from analogcli.spec import RunSpec

REGISTRY = load()
FILES = [path for name in FOLDERS for path in sorted((_shipped() / name).glob("*.yaml"))]
NAMED = [*REGISTRY.experiments.values(), *REGISTRY.figures.values()]
ALL = [
    (experiment.id, protocol, setting)
    for experiment in REGISTRY.experiments.values()
    for protocol in experiment.protocols
    for setting in REGISTRY.protocols[protocol].settings
]
SPELLINGS = {"FP SGD": "fp-sgd", "Analog SGD": "analog-sgd", "TT-v1": "tt-v1"}
"""Settings as the papers' scripts spell them on their command lines."""


def names(entry: Experiment | Figure) -> list[str]:
    return [entry.id, *entry.aliases]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_is_an_entry_with_an_id_of_its_own(path: Path) -> None:
    ids = {p: yaml.safe_load(p.read_text(encoding="utf-8"))["id"] for p in FILES if p.parent == path.parent}
    assert list(ids.values()).count(ids[path]) == 1
    assert ids[path] in getattr(REGISTRY, path.parent.name)


def test_a_file_lies_where_its_kind_is_read() -> None:
    assert {p.parent.name for p in _shipped().rglob("*.yaml")} == set(FOLDERS)


@pytest.mark.parametrize("entries", [REGISTRY.experiments.values(), REGISTRY.figures.values()], ids=["run", "plot"])
def test_no_name_leads_to_two_entries(entries: Iterable[Experiment | Figure]) -> None:
    taken = Counter(name for entry in entries for name in {fold(name) for name in names(entry)})
    assert [name for name, times in taken.items() if times > 1] == []


@pytest.mark.parametrize("entry", NAMED, ids=lambda entry: entry.id)
def test_every_name_leads_to_its_entry_in_any_spelling(entry: Experiment | Figure) -> None:
    find = REGISTRY.experiment if isinstance(entry, Experiment) else REGISTRY.figure
    for name in names(entry):
        for typed in (name, name.upper(), name.replace("-", "_"), f" {name} "):
            assert find(typed) is entry


@pytest.mark.parametrize("protocol", REGISTRY.protocols.values(), ids=lambda protocol: protocol.id)
def test_settings_answer_to_one_name_each(protocol: Protocol) -> None:
    spelled = [fold(s) for i, setting in protocol.settings.items() for s in {fold(i), *map(fold, setting.spelled)}]
    assert len(spelled) == len(set(spelled))


@pytest.mark.parametrize(
    ("protocol", "typed", "setting"),
    [
        (protocol.id, typed, setting)
        for protocol in REGISTRY.protocols.values()
        for typed, setting in SPELLINGS.items()
        if setting in protocol.settings
    ],
)
def test_settings_are_accepted_as_the_papers_spell_them(protocol: str, typed: str, setting: str) -> None:
    for spelling in (typed, typed.lower(), setting, setting.upper()):
        assert REGISTRY.setting(REGISTRY.protocols[protocol], spelling) == setting


@pytest.mark.parametrize("name", ALL, ids="/".join)
def test_everything_on_offer_builds_a_spec_with_its_own_labels(name: tuple[str, str, str]) -> None:
    experiment, protocol, setting = name
    spec = REGISTRY.spec(experiment, protocol=protocol, setting=setting)
    assert isinstance(spec, RunSpec)
    assert (spec.experiment, spec.protocol, spec.setting) == name
    assert (spec.algorithm.kind == "fp-sgd") == REGISTRY.is_digital(protocol, setting)


def test_what_is_on_offer_differs() -> None:
    # Two settings with one hash would be one result under two names.
    for experiment in REGISTRY.experiments:
        for protocol in REGISTRY.experiments[experiment].protocols:
            settings = REGISTRY.protocols[protocol].settings
            hashes = [REGISTRY.spec(experiment, protocol=protocol, setting=s).hash for s in settings]
            assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("experiment", REGISTRY.experiments.values(), ids=lambda experiment: experiment.id)
def test_defaults_are_among_the_choices(experiment: Experiment) -> None:
    spec = REGISTRY.spec(experiment.id)
    assert (spec.protocol, spec.setting) == (experiment.default_protocol, experiment.default_setting)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no experiment is called 'mnist-fnc'; did you mean mnist-fcn"):
        REGISTRY.spec("mnist-fnc")
    with pytest.raises(UnknownName, match=r"no figure is called 'fig44'"):
        REGISTRY.figure("fig44")
    with pytest.raises(UnknownName, match=r"no setting of protocol response is called 'analog-sdg'; did you mean"):
        REGISTRY.spec("mnist-fcn", setting="analog-sdg")
    with pytest.raises(UnknownName, match=r"no protocol of mnist-fcn is called 'exakt'; did you mean exact"):
        REGISTRY.spec("mnist-fcn", protocol="exakt")
