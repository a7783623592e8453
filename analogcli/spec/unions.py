"""Looking into discriminated unions: which kinds there are, and which class stands behind each."""

from typing import Any, get_args

from pydantic import BaseModel


def members(annotation: Any) -> dict[str, type[BaseModel]]:
    """Return the classes of a union by their ``kind``."""
    return {m.model_fields["kind"].default: m for m in models_in(annotation) if "kind" in m.model_fields}


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return all models that an annotation mentions."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [m for arg in get_args(annotation) for m in models_in(arg)]
