"""Every field of every spec says what it is, with its unit; the docstrings are the reference and the help."""

import pytest
from pydantic import BaseModel

from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.spec.base import Spec
from analogcli.spec.unions import models_in


def reachable(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return ``model`` and every model that one of its fields can hold, by name."""
    found = {model.__name__: model}
    for field in model.model_fields.values():
        for part in models_in(field.annotation):
            if part.__name__ not in found:
                found |= reachable(part)
    return found


MODELS = reachable(RunSpec) | {"ExecutionOptions": ExecutionOptions}


def test_the_walk_finds_the_members_of_unions() -> None:
    assert {"TikiTakaV1", "TransferRead", "PowerStep", "LeNet5Model", "StepLR"} <= set(MODELS)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_class_is_a_strict_documented_spec(model: type[BaseModel]) -> None:
    assert issubclass(model, Spec)
    assert model.model_config["frozen"]
    assert model.model_config["extra"] == "forbid"
    # Without an own docstring pydantic and Python show the base's, which says nothing about this one.
    assert model.__dict__.get("__doc__")


@pytest.mark.parametrize(
    ("model", "name"),
    [(model, name) for model in MODELS.values() for name in model.model_fields if name != "kind"],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_field_is_described_in_a_sentence(model: type[BaseModel], name: str) -> None:
    described = model.model_fields[name].description
    assert described, f"{model.__name__}.{name} has no docstring"
    assert described.rstrip().endswith("."), f"the docstring of {model.__name__}.{name} is no sentence"


@pytest.mark.parametrize("model", [m for m in MODELS.values() if "kind" in m.model_fields], ids=lambda m: m.__name__)
def test_every_kind_is_a_constant_with_its_own_value_as_default(model: type[BaseModel]) -> None:
    field = model.model_fields["kind"]
    assert field.annotation is not None
    assert field.annotation.__args__ == (field.default,)
