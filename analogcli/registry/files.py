"""Where registry entries come from; later folders overlay earlier ones by id."""

from importlib import resources
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from analogcli.errors import SpecError
from analogcli.registry.entries import Entry, Experiment, Figure, Protocol
from analogcli.registry.registry import Registry

E = TypeVar("E", bound=Entry)


def load(extra: Path | None = None) -> Registry:
    """Read the shipped registry, ``./registry`` if there is one, and ``extra``.

    Raises:
        SpecError: a file is not valid, with its name and the reason.
    """
    shipped = _shipped()
    folders = [shipped]
    here = Path("registry")
    if here.is_dir() and here.resolve() != shipped.resolve():
        folders.append(here)
    if extra is not None:
        if not extra.is_dir():
            raise SpecError(f"--registry {extra}: there is no such folder.")
        folders.append(extra)
    experiments: dict[str, Experiment] = {}
    protocols: dict[str, Protocol] = {}
    figures: dict[str, Figure] = {}
    for folder in folders:
        protocols |= {e.id: e for e in _read(folder / "protocols", Protocol)}
        experiments |= {e.id: e for e in _read(folder / "experiments", Experiment)}
        figures |= {e.id: e for e in _read(folder / "figures", Figure)}
    return Registry(experiments, protocols, figures)


def _shipped() -> Path:
    packaged = Path(str(resources.files("analogcli"))) / "_registry"
    return packaged if packaged.is_dir() else packaged.parents[1] / "registry"


def _read(folder: Path, kind: type[E]) -> list[E]:
    found = []
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        try:
            found.append(kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))))
        except (yaml.YAMLError, ValidationError, OSError) as exc:
            reason = exc.errors()[0] if isinstance(exc, ValidationError) else None
            said = f"{'.'.join(map(str, reason['loc']))}: {reason['msg']}" if reason else str(exc).replace("\n", " ")
            raise SpecError(f"registry file {path} is not a valid {kind.__name__.lower()}: {said}") from exc
    return found
