"""The base of every spec: frozen, strict about names, documented field by field."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """An immutable value; unknown fields are refused, field docstrings become the help text."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=True,
    )
