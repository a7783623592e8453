"""Where registry entries come from; later folders overlay earlier ones by id."""

from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from analogcli.errors import SpecError, UnknownName
from analogcli.registry.entries import Entry, Experiment, Figure, Preset, Protocol
from analogcli.registry.registry import Registry

FOLDERS = ("protocols", "experiments", "figures", "presets")
FIGURE_KINDS = (
    "curves",
    "losses",
    "table",
    "against",
    "learning-rates",
    "laws",
    "descents",
    "distributions",
    "responses",
)

E = TypeVar("E", Experiment, Protocol, Figure, Preset)
Files = dict[tuple[type[Entry], str], Path]
"""The file that each entry was read from."""


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
        if not any((extra / name).is_dir() for name in FOLDERS):
            raise SpecError(f"--registry {extra} is not a registry: it has none of the folders {', '.join(FOLDERS)}.")
        folders.append(extra)
    files: Files = {}
    registry = Registry(
        protocols=_read(folders, "protocols", Protocol, files),
        experiments=_read(folders, "experiments", Experiment, files),
        figures=_read(folders, "figures", Figure, files),
        presets=_read(folders, "presets", Preset, files),
    )
    for kind, entry, problem in _dangling(registry):
        raise SpecError(_not_valid(files[kind, entry], kind, problem))
    return registry


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads as ``yaml.safe_load`` does; with libyaml in a tenth of the time, and every command reads all files."""


def _shipped() -> Path:
    packaged = Path(str(resources.files("analogcli"))) / "_registry"
    return packaged if packaged.is_dir() else packaged.parents[1] / "registry"


def _read(folders: list[Path], name: str, kind: type[E], files: Files) -> dict[str, E]:
    found: dict[str, E] = {}
    for folder in folders:
        here: dict[str, Path] = {}
        for path in sorted((folder / name).glob("*.yaml")):
            entry = _read_file(path, kind)
            if entry.id in here:
                raise SpecError(_not_valid(path, kind, f"id {entry.id} is taken by {here[entry.id].name}"))
            here[entry.id] = files[kind, entry.id] = path
            found[entry.id] = entry
    return found


def _read_file(path: Path, kind: type[E]) -> E:
    try:
        return kind.model_validate(yaml.load(path.read_text(encoding="utf-8"), LOADER))
    except ValidationError as exc:
        error = exc.errors()[0]
        where = ".".join(map(str, error["loc"]))
        problem = f"{where}: {error['msg']}" if where else "it does not hold an entry"
        raise SpecError(_not_valid(path, kind, problem)) from exc
    except (yaml.YAMLError, OSError, ValueError, RecursionError) as exc:
        raise SpecError(_not_valid(path, kind, " ".join(str(exc).split()))) from exc


def _not_valid(path: Path, kind: type[Entry], problem: str) -> str:
    return f"registry file {path} is not a valid {kind.__name__.lower()}: {problem}"


Named = tuple[str, Iterable[str], Iterable[str]]
"""What is named, the names, and those that something answers to."""


def _dangling(registry: Registry) -> Iterator[tuple[type[Entry], str, str]]:
    """Yield what an entry names and nothing answers to; entries of different files may belong together."""
    named: list[tuple[type[Entry], str, Iterator[Named]]] = []
    named += [(Experiment, e.id, _named_by_experiment(registry, e)) for e in registry.experiments.values()]
    named += [(Figure, f.id, _named_by_figure(registry, f)) for f in registry.figures.values()]
    for kind, entry, groups in named:
        for what, names, known in groups:
            for name in names:
                if name not in known:
                    yield kind, entry, str(UnknownName(what, name, known))


def _named_by_experiment(registry: Registry, experiment: Experiment) -> Iterator[Named]:
    yield "protocol", experiment.protocols, registry.protocols
    yield "protocol of the experiment", (experiment.default_protocol,), experiment.protocols
    for protocol in experiment.protocols:
        yield "setting", (experiment.default_setting,), registry.protocols[protocol].settings
        yield "setting", experiment.settings, registry.protocols[protocol].settings
    for table in experiment.published:
        yield "protocol of the experiment", (table.protocol,), experiment.protocols
        yield "setting", (value.setting for value in table.values), registry.protocols[table.protocol].settings


def _named_by_figure(registry: Registry, figure: Figure) -> Iterator[Named]:
    yield "kind of figure", (figure.kind,), FIGURE_KINDS
    for panel in figure.panels:
        if panel.devices:
            continue
        yield "experiment", (panel.experiment,), registry.experiments
        yield "protocol of the experiment", (figure.protocol,), registry.experiments[panel.experiment].protocols
        yield "setting", (*panel.settings, *panel.of_setting), registry.protocols[figure.protocol].settings
