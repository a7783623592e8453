"""Whatever is written into specs, files, overrides, grids and registries: a spec that keeps its hash, or a sentence."""

import copy
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from analogcli.errors import AnalogError, SpecError
from analogcli.registry import load
from analogcli.registry.entries import Experiment, Figure, Preset, Protocol
from analogcli.registry.files import _read_file
from analogcli.spec import RunSpec, build, load_yaml, nested, parse_assignment
from analogcli.sweep.plan import parse_axis, plan_grid

ROOT = Path(__file__).parents[2] / "registry"
REGISTRY = load()
SPECS = [
    REGISTRY.spec(e.id, protocol=protocol, setting=setting).model_dump(mode="json")
    for e in REGISTRY.experiments.values()
    for protocol in e.protocols
    for setting in REGISTRY.protocols[protocol].settings
]
BY_KIND = list({json.dumps([s["task"]["kind"], s["algorithm"]["kind"], s["backend"]]): s for s in SPECS}.values())
QUICK = settings(derandomize=True, deadline=None, database=None)

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-3, 3), st.floats(), st.floats(0, 2), st.text(max_size=8),
    st.sampled_from(["inf", "-0.0", "1e400", "power", "soft-bounds", "tt-v1", "native", "nan", "\ud800", "\0", "🦆"]),
    st.dates(), st.binary(max_size=3), st.just(2**5000), st.just(datetime.datetime(1, 1, 1)),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def paths_in(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([prefix] if prefix else []), *(path for key, item in inside for path in paths_in(item, (*prefix, key)))]


@st.composite
def spoiled(draw: st.DrawFn, originals: list[Any]) -> Any:
    """One of the originals with one or two places that hold something else, are gone, or are new."""
    data = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 2))):
        places = paths_in(data)
        if not places:
            break
        *parents, last = draw(st.sampled_from(places))
        node = data
        for key in parents:
            node = node[key]
        match draw(st.sampled_from(["other", "other", "other", "gone", "new"])):
            case "other":
                node[last] = draw(VALUES)
            case "gone":
                del node[last]
            case "new" if isinstance(node, dict):
                node[draw(st.text(max_size=5) | st.sampled_from(["kind", "states", "w_max", "fast_device"]))] = draw(
                    VALUES
                )
    return data


def spec_or_sentence(ask: Callable[[], RunSpec]) -> None:
    """A spec that keeps its hash wherever it is written to, or one line."""
    try:
        spec = ask()
    except AnalogError as exc:
        said = str(exc)
        assert said and "\n" not in said and len(said) < 1000
        said.encode()  # a terminal can show it
        return
    assert build(load_yaml(spec.to_yaml(), "itself")).hash == spec.hash
    stored = json.loads(json.dumps(spec.model_dump(mode="json"), allow_nan=False))
    assert build(stored) == spec and build(stored).hash == spec.hash


@given(spoiled(BY_KIND))
@QUICK
def test_data_of_a_spec(data: Any) -> None:
    spec_or_sentence(lambda: build(data))


@given(
    st.text() | VALUES.map(lambda v: yaml.dump(v, allow_unicode=True)) | st.binary().map(lambda b: b.decode("latin1"))
)
@QUICK
def test_text_of_a_spec_file(text: str) -> None:
    spec_or_sentence(lambda: build(load_yaml(text, "spec.yaml")))


PATHS = sorted(
    {".".join(map(str, path)) for s in BY_KIND for path in paths_in(s) if all(isinstance(p, str) for p in path)}
)
TEXTS = st.one_of(
    st.text(max_size=10), LEAVES.map(str), st.sampled_from(["[1, 2", "{a: b", "&a [*a]", "!!set {a}", "!!binary aGk=",
    "2020-01-01", "0x" + "f" * 5000, "? a", "*a", "<<: 3", "!!python/name:os.system", "1e999", "=", "yes", "~", "'"]),
)  # fmt: skip


@given(st.sampled_from(SPECS), st.lists(st.tuples(st.sampled_from(PATHS) | st.text(max_size=8), TEXTS), max_size=3))
@QUICK
def test_assignments(spec: dict[str, Any], assignments: list[tuple[str, str]]) -> None:
    def ask() -> RunSpec:
        own = dict(parse_assignment(f"{path}={value}") for path, value in assignments)
        return REGISTRY.spec(spec["experiment"], protocol=spec["protocol"], setting=spec["setting"], overrides=own)

    spec_or_sentence(ask)


@given(st.dictionaries(st.text("ab.", max_size=5), VALUES, max_size=4))
@QUICK
def test_paths_that_meet(dotted: dict[str, Any]) -> None:
    try:
        nested(dotted)
    except SpecError as exc:
        assert "\n" not in str(exc)


AXES = st.sampled_from([*PATHS, "tau", "seed", "setting", "protocol", "lr", "n-models", "n_models", "block-type"])


@given(
    st.lists(
        st.builds("{}={}".format, AXES | st.text(max_size=5), st.lists(TEXTS, max_size=2).map(",".join)), max_size=2
    )
)
@QUICK
def test_grids(texts: list[str]) -> None:
    try:
        axes = dict(parse_axis(text) for text in texts)
        planned, _ = plan_grid(REGISTRY, "mnist-fcn", axes, protocol=None, setting="tt-v1", overrides={})
    except AnalogError as exc:
        assert str(exc) and "\n" not in str(exc)
        return
    for one in planned:
        spec_or_sentence(lambda one=one: one.spec)


SHIPPED = {
    kind: [yaml.safe_load(path.read_text()) for path in sorted((ROOT / folder).glob("*.yaml"))[:12]]
    for folder, kind in (("experiments", Experiment), ("protocols", Protocol), ("figures", Figure), ("presets", Preset))
}


@pytest.mark.parametrize("kind", SHIPPED, ids=lambda kind: kind.__name__.lower())
@given(data=st.data())
@settings(QUICK, max_examples=40)
def test_registry_files(kind: Any, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = data.draw(spoiled(SHIPPED[kind]))
    path = tmp_path_factory.mktemp("registry") / "mine.yaml"
    text = data.draw(st.sampled_from([yaml.dump(content, allow_unicode=True), data.draw(st.text())]))
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        _read_file(path, kind)
    except SpecError as exc:
        assert str(path) in str(exc) and "\n" not in str(exc)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, one in zip("abcdefghijk", "bcdefghijkl", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "task is missing"),
        (f"{BOMB}task: *l\nalgorithm: *l", r"task = \[\[\[.*it must be fields with values"),
        ("task: &t {kind: *t}", r"task.kind = .*'kind.* is not allowed"),
        ("{a: " * 2000 + "1" + "}" * 2000, "is not valid YAML"),
        ("seed: 0x" + "f" * 5000, "task is missing"),
    ],
    ids=["laughs", "laughs in a field", "itself", "deep", "digits"],
)
def test_a_file_that_would_fill_the_memory_is_a_sentence_at_once(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        build(load_yaml(text, "spec.yaml"))


@pytest.mark.parametrize(
    ("assignments", "says"),
    [
        (["device={tau: 1}", "device.tau=2"], "device.tau is set twice"),
        (["device.tau=0x" + "f" * 5000], "device.tau = a number of thousands of digits is not allowed"),
        (["a." * 5000 + "b=1"], "is not of the form path=value"),
        (["task\n.lr=1"], "is not of the form path=value"),
        ([f"device={{kind: custom, law: '{'a' * 5000}.py:B'}}"], "there is no file aaa"),
        (["device={kind: custom, law: '~nobody/a.py:B'}"], "there is no file ~nobody/a.py"),
    ],
)
def test_assignments_that_were_once_a_traceback(assignments: list[str], says: str) -> None:
    with pytest.raises(SpecError, match=says) as caught:
        own = dict(parse_assignment(text) for text in assignments)
        REGISTRY.spec("mnist-fcn", setting="tt-v1", overrides=own)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_labels_are_what_a_store_and_a_terminal_can_show() -> None:
    for label in ("\0", "a\nb", "\ud800", "x" * 101):
        with pytest.raises(SpecError, match="experiment = "):
            build(SPECS[0] | {"experiment": label})
