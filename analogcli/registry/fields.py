"""What classes of a run say of their fields, as rows of a table; values of YAML by dotted path."""

from typing import Any

from pydantic import BaseModel


def fields_of(cls: type[BaseModel], prefix: str = "") -> tuple[tuple[Any, ...], ...]:
    """Return name, default and meaning of a class's fields, and of those of its parts."""
    out: list[tuple[Any, ...]] = []
    for name, field in cls.model_fields.items():
        default = "required" if field.is_required() else field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            out += fields_of(type(default), f"{prefix}{name}.")
        elif name != "kind":
            out.append((f"{prefix}{name}", default, " ".join((field.description or "").split())))
    return tuple(out)


def leaves(data: dict[str, Any], prefix: str = "", skip: str = "") -> list[tuple[str, Any]]:
    """Return the values of nested data with their dotted paths, without the key ``skip`` of the top."""
    out: list[tuple[str, Any]] = []
    for key, value in data.items():
        if key != skip:
            out += leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return out


def first_paragraph(cls: type[BaseModel]) -> str:
    """Return what a class says of itself before anything else, on one line."""
    return (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
