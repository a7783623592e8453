"""The base of every spec: frozen, strict about names, documented field by field."""

from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, field_validator, model_validator


class Spec(BaseModel):
    """An immutable value; unknown fields are refused, field docstrings become the help text."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    LATER: ClassVar[frozenset[str]] = frozenset()
    """Fields that are younger than stored runs: what is named by its hash leaves them out while they do nothing."""

    def hashed(self) -> dict[str, Any]:
        """Return the value as plain data to be hashed: everything but fields of :attr:`LATER` at their default."""
        data = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if name in self.LATER and value == field.default:
                del data[name]
            elif isinstance(value, Spec):
                data[name] = value.hashed()
        return data

    @model_validator(mode="before")
    @classmethod
    def _yes_is_not_a_number(cls, data: Any) -> Any:
        # Python counts True as 1, and so would pydantic: `--set device.tau=yes` would be a tau of 1.
        for name, value in data.items() if isinstance(data, dict) else ():
            given = value if isinstance(value, list | tuple) else [value]
            if name in cls.model_fields and any(isinstance(item, bool) for item in given):
                types = _types_in(cls.model_fields[name].annotation)
                if bool not in types and {int, float} & types:
                    raise ValueError(f"{name} = {value!r} is not allowed; it must be a number, not yes or no")
        return data

    @field_validator("*", mode="after")
    @classmethod
    def _one_zero(cls, value: Any) -> Any:
        # -0.0 equals 0.0 but is written differently, and what is equal has one hash.
        return value + 0.0 if isinstance(value, float) else value


def _types_in(annotation: Any) -> set[Any]:
    parts = [part for part in get_args(annotation) if isinstance(part, type) or get_args(part)]
    return {annotation}.union(*map(_types_in, parts))
