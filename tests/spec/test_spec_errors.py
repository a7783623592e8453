"""Whatever is typed, the answer is a spec or one sentence: the field, the value, what is allowed, what was meant."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from analogcli.errors import SpecError
from analogcli.registry import load
from analogcli.spec import RunSpec, build, load_yaml, merge, nested, parse_assignment, parse_value

REGISTRY = load()
ANALOG = REGISTRY.spec("mnist-fcn", setting="analog-sgd")
TIKI_TAKA = REGISTRY.spec("mnist-cnn", setting="tt-v1")
FLOAT = REGISTRY.spec("mnist-fcn", setting="fp-sgd")


def sentence(ask: Callable[[], object]) -> str:
    """Return what a user reads."""
    with pytest.raises(SpecError) as caught:
        ask()
    said = str(caught.value)
    assert said
    assert "\n" not in said
    assert "pydantic" not in said
    assert len(said) < 400
    return said


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("device.tau", -1, ["device.tau = -1", "greater than 0"]),
        ("device.tau", "big", ["device.tau = 'big'", "number"]),
        ("device.tau", float("nan"), ["device.tau = nan", "finite"]),
        ("device.tau", True, ["tau = True", "number"]),
        ("device.kind", "pwer", ["device.kind = 'pwer'", "did you mean power?", "soft-bounds, linear, exp-step"]),
        ("device.kind", ["power"], ["device.kind", "allowed: ideal"]),
        ("device.kind", None, ["device", "allowed: ideal"]),
        ("device", "power", ["device = 'power'", "{name: value}"]),
        ("device.dw_mn", 1, ["device.dw_mn is not a field", "did you mean dw_min"]),
        ("device.states", 1, ["states = 1", "2 to 1e+09"]),
        ("device.states", 10**400, ["states = 1000", "2 to 1e+09"]),
        (
            "device",
            {"w_max": 1.0, "w_min": -0.5, "tau": 1.0},
            ["device: w_max and w_min say the same", "tau and centre"],
        ),
        ("device", {"w_max": 0.6, "w_min": 0.7}, ["w_max = 0.6, w_min = 0.7 is not allowed", "w_min below w_max"]),
        ("device", {"w_max": 0.6}, ["device: w_max and w_min go together"]),
        (
            "device",
            {"kind": "piecewise", "piecewise_up": [1, 1, 1]},
            ["piecewise_up has 3 values and piecewise_down 2"],
        ),
        (
            "device",
            {"kind": "piecewise", "piecewise_up": [1, 0]},
            ["piecewise_up = [1.0, 0.0]", "its middle must be > 0"],
        ),
        ("device", {"kind": "constant-step", "centre": 2.0}, ["device: centre = 2", "0 must lie between the bounds"]),
        (
            "device",
            {"kind": "soft-bounds", "centre": 0.6, "tau": 0.6},
            ["device: centre = 0.6", "a bound at 0 gives no response"],
        ),
        ("device", {"states": 1200, "dw_min": 0.001}, ["device: dw_min and states", "give one of them"]),
        (
            "algorithm",
            {"kind": "vector", "further_devices": [{"kind": "power", "tau": -1}]},
            ["algorithm.further_devices.0.tau = -1", "greater than 0"],
        ),
        (
            "algorithm",
            {"kind": "vector", "further_devices": [{"kind": "power", "construction_seed": 3}]},
            ["algorithm.further_devices.0: construction_seed stands in the run's device"],
        ),
        (
            "algorithm",
            {"kind": "tt-v1", "transfer_update": {"fidelity": "mean-field"}},
            ["algorithm.transfer_update.fidelity = 'mean-field'", "allowed: sequential"],
        ),
        ("algorithm", {"kind": "vector", "gamma_vec": [1, 2]}, ["gamma_vec has 2 entries; 1 devices need 1"]),
        ("algorithm", {"kind": "vector", "gamma_vec": [0]}, ["gamma_vec is 0 for all devices"]),
        (
            "algorithm",
            {"kind": "tt-v1", "fast_device": {"kind": "pwer"}},
            ["algorithm.fast_device.kind = 'pwer'", "did you mean power?"],
        ),
        ("devce.tau", 1, ["devce is not a field", "did you mean device?"]),
        ("task.epochs", 1.5, ["task.epochs = 1.5", "integer"]),
        ("task.epochs", -1, ["task.epochs = -1", "greater than or equal to 0"]),
        ("task.batch_size", 0, ["task.batch_size = 0", "greater than 0"]),
        ("task.batch_size", False, ["batch_size = False", "number"]),
        ("task.dataset", "", ["task.dataset = ''", "at least 1 character"]),
        ("task.lr", "x" * 5000, ["task.lr = 'xxx", "number"]),
        ("task.model.hidden", [0], ["task.model.hidden.0 = 0", "greater than 0"]),
        ("task.model.hidden", [True], ["hidden = [True]", "number"]),
        ("task.model.activation", "sigmoyd", ["'sigmoyd'", "did you mean sigmoid?", "tanh"]),
        ("task.schedule.evry", 3, ["task.schedule.evry is not a field", "did you mean every?"]),
        ("task.schedule", {"kind": "cosine"}, ["task.schedule.kind = 'cosine'", "constant, step"]),
        ("periphery.forward.inp_stps", 3, ["periphery.forward.inp_stps is not a field", "inp_steps"]),
        ("algorithm.kind", "tt-v9", ["algorithm.kind = 'tt-v9'", "did you mean tt-v2?", "fp-sgd, analog-sgd"]),
        ("backend", "nativ", ["backend = 'nativ'", "did you mean native?", "aihwkit"]),
        ("backend", ["native"], ["backend = ['native']", "digital, native, aihwkit or magnetoionic"]),
        ("seed", 2**31, ["seed = 2147483648", "less than 2147483648"]),
        ("n_models", 0, ["n_models = 0", "greater than or equal to 1"]),
        ("update", None, ["analog-sgd needs update"]),
        ("algorithm", None, ["algorithm = None"]),
        ("task", "mnist", ["task = 'mnist'"]),
    ],
)
def test_a_bad_value_is_answered_with_field_value_and_what_is_allowed(path: str, value: Any, says: list[str]) -> None:
    said = sentence(lambda: build(merge(ANALOG.model_dump(), nested({path: value}))))
    for part in says:
        assert part in said


def test_several_errors_are_counted() -> None:
    said = sentence(lambda: build(merge(ANALOG.model_dump(), {"seed": -1, "n_models": 0, "task": {"lr": 0}})))
    assert said.startswith("task.lr = 0 ")
    assert said.endswith("(2 more after that)")


def test_floating_point_training_has_no_device() -> None:
    said = sentence(lambda: build(merge(FLOAT.model_dump(), {"device": {"kind": "power"}})))
    assert said == "algorithm fp-sgd has no device"


@pytest.mark.parametrize("text", ["tau", "=1", "device..tau=1", "a.=1", ".=", ""])
def test_an_assignment_is_a_path_and_a_value(text: str) -> None:
    assert "is not of the form path=value" in sentence(lambda: parse_assignment(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("0.5", 0.5),
        ("3", 3),
        ("true", True),
        ("null", None),
        ("tanh", "tanh"),
        ("[64, 32]", [64, 32]),
        ("{kind: power}", {"kind": "power"}),
        ("", None),
        ("[e", "[e"),
        ("a: b: c", "a: b: c"),
        ("2024-13-45", "2024-13-45"),
        ("[" * 5000, "[" * 5000),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_value_is_read_as_yaml_does_and_else_is_text(text: str, value: Any) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize("pair", [{"device": 1, "device.tau": 0.5}, {"device.tau": 0.5, "device": 1}])
def test_a_part_and_a_field_of_it_cannot_both_be_set(pair: dict[str, Any]) -> None:
    assert sentence(lambda: nested(pair)) == "device.tau and device cannot both be set." or (
        sentence(lambda: nested(pair)) == "device and device.tau cannot both be set."
    )


def test_fields_of_one_part_may_be_set_in_any_way() -> None:
    assert nested({"device": {"kind": "power"}, "device.tau": 0.5}) == {"device": {"kind": "power", "tau": 0.5}}
    assert nested({"device.tau": 0.5, "device": {"kind": "power"}}) == {"device": {"kind": "power", "tau": 0.5}}


@pytest.mark.parametrize(
    "text", ["a: [", "a: 2024-13-45", "a: " + "[" * 5000, "- 1", "1: 2", "", "\t", "a: !!python/x y"]
)
def test_a_file_that_is_no_spec_is_named(text: str) -> None:
    assert "my.yaml" in sentence(lambda: load_yaml(text, "my.yaml"))


JUNK: list[Any] = [
    *(None, True, -1, 0, 10**400, 1e308, float("inf"), float("nan"), "", "x", "1e-3", "\ud800"),
    *([], [[]], {}, {"kind": []}, {"kind": "power"}, {1: 2}, (), b"x", object),
]


def mutate(data: dict[str, Any], random_: random.Random) -> None:
    """Damage one place: put junk there, remove it, misspell it, or add something."""
    node, key = data, ""
    while True:
        key = random_.choice(list(node))
        if not isinstance(node[key], dict) or not node[key] or random_.random() < 0.2:
            break
        node = node[key]
    match random_.randrange(4):
        case 0:
            node[key] = random_.choice(JUNK)
        case 1:
            node.pop(key)
        case 2:
            node[f"{key}x"] = node.pop(key)
        case 3:
            node[random_.choice(["kind", "states", "tau", "foo", "", "a.b", 3])] = random_.choice(JUNK)


@pytest.mark.parametrize("spec", [ANALOG, TIKI_TAKA, FLOAT], ids=lambda spec: spec.setting)
def test_no_damage_gets_through_to_a_traceback(spec: RunSpec) -> None:
    random_ = random.Random(618)
    refused = 0
    for _ in range(300):
        data = spec.model_dump()
        for _ in range(random_.randrange(1, 4)):
            mutate(data, random_)
        try:
            build(data)
        except SpecError as exc:
            refused += 1
            assert "\n" not in str(exc)
        try:
            build(merge(spec.model_dump(), data))
        except SpecError as exc:
            assert "\n" not in str(exc)
    assert refused > 150
