"""The hash names the result: it follows the value and nothing else, and every field of the value counts."""

import subprocess
import sys
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from analogcli.registry import load
from analogcli.spec import LABELS, RunSpec, build, load_yaml, merge

REGISTRY = load()
ALL = [
    (experiment.id, protocol, setting)
    for experiment in REGISTRY.experiments.values()
    for protocol in experiment.protocols
    for setting in REGISTRY.protocols[protocol].settings
]

CANONICAL: dict[str, Any] = {
    "task": {
        "kind": "classification",
        "dataset": "mnist",
        "model": {"kind": "fcn", "hidden": [256, 128], "activation": "sigmoid"},
        "batch_size": 10,
        "epochs": 30,
        "lr": 0.05,
        "schedule": {"kind": "step", "every": 15, "factor": 0.5},
    },
    "algorithm": {"kind": "analog-sgd"},
    "device": {"kind": "soft-bounds", "tau": 0.6, "dw_min": 0.001},
    "periphery": {},
    "update": {"fidelity": "mean-field"},
    "mapping": {},
    "backend": "native",
    "seed": 0,
    "n_models": 1,
}
CANONICAL_HASH = "8ea6a6cdde280c70fb8903887802c884c0e1974944297b66ff59573272f45f05"
TIKI_TAKA_HASH = "01f2f27fda89fd3c67d4bc11567dc6ba1231ff640bdc1fd8600339cff1b2a3e7"


def changed(**over: Any) -> RunSpec:
    return build(merge(CANONICAL, over))


def spec_of(name: tuple[str, str, str]) -> RunSpec:
    experiment, protocol, setting = name
    return REGISTRY.spec(experiment, protocol=protocol, setting=setting)


def test_the_hash_of_a_known_spec_is_what_it_always_was() -> None:
    # When this fails, every result that people have stored has lost its name: the same command trains it again. If that
    # is meant (a new field whose default keeps the old behaviour is the usual case), put the new hash here and say so
    # in the release notes; if it is not, the change of a default or of a field's name was an accident.
    assert build(CANONICAL).hash == CANONICAL_HASH


def test_so_was_that_of_tiki_taka_before_its_fast_array_could_have_other_devices() -> None:
    tiki_taka = changed(algorithm={"kind": "tt-v1"})
    assert tiki_taka.hash == TIKI_TAKA_HASH == changed(algorithm={"kind": "tt-v1", "fast_device": None}).hash
    other_devices = changed(algorithm={"kind": "tt-v1", "fast_device": {"kind": "soft-bounds"}})
    assert other_devices.leaves()["algorithm.fast_device.tau"] == 0.6
    assert other_devices.hash != TIKI_TAKA_HASH


def test_so_were_those_of_problems_with_one_output_and_of_networks_with_biases() -> None:
    squares = REGISTRY.spec("squares-lr", setting="analog-sgd")
    assert squares.hash == "df0b5b5a2adf837ca6c294d4d3d71f9ade24dc374a757086aa9a1e4f7807660a"
    assert squares.task.model.bias  # type: ignore[union-attr]
    toy = REGISTRY.spec("aihwkit-01")
    assert toy.hash == "74231d8d0b4af98ed4f5541d35b428079d4981a8a5c0a12242f9b888018e51d0"


def test_a_spec_cannot_be_changed() -> None:
    spec = build(CANONICAL)
    for part in (spec, spec.task, spec.device, spec.periphery):
        assert part is not None
        with pytest.raises(ValidationError):
            setattr(part, next(iter(type(part).model_fields)), "other")


def backwards(value: Any) -> Any:
    return {k: backwards(value[k]) for k in reversed(value)} if isinstance(value, dict) else value


@pytest.mark.parametrize(
    "written",
    [
        backwards(CANONICAL),
        merge(CANONICAL, {"device": {"tau": "0.6"}}),
        merge(CANONICAL, {"device": {"tau": "6e-1", "dw_min": None, "states": 1200}}),
        merge(CANONICAL, {"device": {"states": 1200}}),
        merge(CANONICAL, {"device": {"dw_min": None, "states": 1200.0}}),
        merge(CANONICAL, {"device": {"w_max": 0.6, "w_min": "-0.6"}}),
        merge(CANONICAL, {"device": {"up_down": 0}}),
        merge(CANONICAL, {"device": {"up_down": -0.0}}),
        merge(CANONICAL, {"device": {"construction_seed": None}}),
        merge(CANONICAL, {"task": {"batch_size": 10.0, "model": {"hidden": (256, 128)}}}),
        merge(CANONICAL, {"backend": None}),
        merge(CANONICAL, {"periphery": {"forward": {"inp_bound": 1}}}),
        merge(CANONICAL, {"experiment": "mine", "protocol": "mine", "setting": "mine"}),
    ],
)
def test_equal_specs_have_one_hash_however_they_are_written(written: dict[str, Any]) -> None:
    assert build(written).hash == CANONICAL_HASH


def test_of_granularity_and_states_the_one_that_is_laid_on_last_counts() -> None:
    with_states = merge(CANONICAL, {"device": {"states": 600}})
    assert build(with_states).leaves()["device.dw_min"] == 0.002
    assert build(merge(with_states, {"device": {"dw_min": 0.001}})).hash == CANONICAL_HASH
    assert build(merge(with_states, {"device": {"tau": 0.3}})).leaves()["device.dw_min"] == 0.001


def test_of_bounds_and_range_those_that_are_laid_on_last_count() -> None:
    with_bounds = merge(CANONICAL, {"device": {"w_max": 1.1714, "w_min": -0.8286}})
    leaves = build(with_bounds).leaves()
    assert (leaves["device.tau"], leaves["device.centre"]) == (1.0, 0.1714)
    assert build(merge(with_bounds, {"device": {"tau": 0.6}})).hash == CANONICAL_HASH


def other(value: Any, annotation: Any) -> Any:
    """Return another value of the same type; a constant's other value does not exist yet, but would be text."""
    choices = [v for v in get_args(annotation) if isinstance(v, str) and v != value]
    if choices:
        return choices[0]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}-other"
    return (*value, 7) if isinstance(value, tuple) else 1 if value is None else value + 1


def changes(model: BaseModel, prefix: str = "") -> dict[str, BaseModel]:
    """Return, for every field at the end of every path, the model with that field changed and nothing else."""
    out: dict[str, BaseModel] = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            for path, part in changes(value, f"{prefix}{name}.").items():
                out[path] = model.model_copy(update={name: part})
        elif prefix or name not in LABELS:
            out[prefix + name] = model.model_copy(update={name: other(value, field.annotation)})
    return out


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("name", ALL, ids="/".join)
def test_every_field_decides_the_hash(name: tuple[str, str, str]) -> None:
    spec = spec_of(name)
    single = changes(spec)
    assert set(single) == set(spec.leaves())
    hashes = [spec.hash, *(s.hash for s in single.values() if isinstance(s, RunSpec))]
    assert len(set(hashes)) == len(single) + 1


@pytest.mark.parametrize("name", ALL, ids="/".join)
def test_a_spec_survives_the_way_through_a_yaml_file(name: tuple[str, str, str]) -> None:
    spec = spec_of(name)
    again = build(load_yaml(spec.to_yaml(), "spec.yaml"))
    assert again == spec
    assert again.hash == spec.hash
    assert build(yaml.safe_load(spec.model_dump_json())).hash == spec.hash


@pytest.mark.parametrize("dataset", ["no", "1e-3", "image-folder:/data/my images: 2", "null", "ünï", "#x", "'"])
def test_text_that_yaml_reads_as_something_else_survives_too(dataset: str) -> None:
    spec = changed(task={"dataset": dataset})
    assert build(load_yaml(spec.to_yaml(), "spec.yaml")) == spec


@pytest.mark.parametrize("number", [1e-5, 1e-7, 1e22, 0.1 + 0.2, 1 / 3, 5e-324])
def test_every_bit_of_a_number_survives_too(number: float) -> None:
    spec = changed(task={"lr": number})
    assert build(load_yaml(spec.to_yaml(), "spec.yaml")).hash == spec.hash


def test_a_new_kind_drops_the_fields_that_it_does_not_have() -> None:
    power = {"device": {"kind": "power", "gamma_res": 0.5, "tau": 0.7, "states": 1200}}
    assert merge(power, {"device": {"kind": "soft-bounds"}}) == {
        "device": {"kind": "soft-bounds", "tau": 0.7, "states": 1200}
    }
    assert merge(power, {"device": {"kind": "power"}}) == power
    convolutional = changed(task={"model": {"kind": "lenet5"}})
    assert convolutional.task.model.model_dump() == {"kind": "lenet5", "channels": (16, 32), "hidden": 128}


@pytest.mark.parametrize("module", ["analogcli.spec", "analogcli.registry"])
def test_validation_imports_nothing_heavy(module: str) -> None:
    heavy = ["torch", "sqlalchemy", "numpy", "matplotlib", "aihwkit"]
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]"
