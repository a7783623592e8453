"""Imports point one way: the order of the rooms is read from the package's docstring, the imports from the source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import analogcli

ROOT = Path(analogcli.__file__).parent
PACKAGE = "analogcli"
BESIDE = ("store", "data")
"""Beside the way from the command line down to a spec: they know specs and errors, and nobody below knows them."""
HELPERS = ("generators", "processors")
"""Single modules that know no room at all and may be used by every one."""
HEAVY = {
    # Validation, listing and --help answer at once.
    "spec": ("torch", "sqlalchemy", "numpy", "matplotlib", "aihwkit"),
    "registry": ("torch", "sqlalchemy", "numpy", "matplotlib", "aihwkit"),
    "errors": ("torch", "sqlalchemy", "numpy", "matplotlib", "aihwkit"),
    # The store opens before torch is there; only reading and writing weights needs it.
    "store": ("torch", "aihwkit", "matplotlib"),
    "cli": ("torch", "sqlalchemy", "numpy", "matplotlib", "aihwkit"),
    "crossbar": ("sqlalchemy", "aihwkit", "matplotlib"),
    "nn": ("sqlalchemy", "aihwkit", "matplotlib"),
    "algorithms": ("sqlalchemy", "aihwkit", "matplotlib"),
}
"""What a room must not import when it is imported itself (inside functions it may)."""


@dataclass(frozen=True)
class Import:
    """One import statement; ``lazy`` if it is not carried out when the module is imported."""

    module: str
    lazy: bool
    typing_only: bool


def order() -> list[set[str]]:
    """Return the rooms from the top down, those of one floor together, as the package's docstring draws them."""
    assert analogcli.__doc__
    line = next(line for line in analogcli.__doc__.splitlines() if "→" in line)
    return [{room.strip() for room in floor.split(",")} for floor in line.split("→")]


def imports(source: str, package: str) -> Iterator[Import]:
    """Yield the absolute names of what a module's source imports; ``package`` is where relative imports start."""

    def walk(node: ast.AST, lazy: bool, typing_only: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(name.name, lazy, typing_only) for name in child.names)
            elif isinstance(child, ast.ImportFrom):
                parents = package.split(".")[: len(package.split(".")) - child.level + 1]
                base = ".".join([*(parents if child.level else []), *([child.module] if child.module else [])])
                # `from analogcli import store` names a room, not a value.
                yield from (Import(f"{base}.{name.name}", lazy, typing_only) for name in child.names)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                yield from (i for part in child.body for i in walk(ast.Module([part], []), lazy, True))
                yield from (i for part in child.orelse for i in walk(ast.Module([part], []), lazy, typing_only))
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, lazy or inside, typing_only)

    yield from walk(ast.parse(source), False, False)


def room_of(module: str) -> str | None:
    """Return the room of one of our own modules, None for other people's."""
    parts = module.split(".")
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 else None


def allowed(room: str) -> set[str]:
    """Return the rooms that ``room`` may import: those on its floor and below it."""
    floors = order()
    ground = {"spec", "errors", *HELPERS}
    if room in HELPERS:
        return {room}
    if room in BESIDE:
        return {room} | ground
    if room == "registry":
        return {room, "spec", "errors"}
    level = next(i for i, floor in enumerate(floors) if room in floor)
    below = set().union(*floors[level:])
    # Results and entries are known to those who handle runs; the physics knows neither.
    sees_runs = level <= next(i for i, floor in enumerate(floors) if "training" in floor)
    sees_registry = level < next(i for i, floor in enumerate(floors) if "training" in floor)
    beside = set(BESIDE) if sees_runs else {"data"} if room == "backends" else set()
    return below | beside | ({"registry"} if sees_registry else set()) | (set(HELPERS) if room != "errors" else set())


def complaints(room: str, where: str, source: str, package: str) -> list[str]:
    """Return what a module of ``room`` imports and must not."""
    out = []
    for found in imports(source, package):
        target = room_of(found.module)
        if target is not None and target != "__version__" and target not in allowed(room):
            out.append(f"{where}: {room} imports {target} ({found.module}), which is not below it")
        eager = not found.lazy and not found.typing_only
        if eager and found.module.split(".")[0] in HEAVY.get(room, ()):
            out.append(f"{where}: {room} imports {found.module} as soon as it is imported")
    return out


MODULES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem in ("errors", *HELPERS))


def test_the_docstring_names_every_room() -> None:
    rooms = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    drawn = set().union(*order()) | {*BESIDE, "registry"}
    assert rooms - drawn == set()
    assert drawn - rooms == {"errors"}
    assert analogcli.__doc__
    assert ", ".join(BESIDE) in analogcli.__doc__


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = ".".join([PACKAGE, *parts[:-1]])
    assert complaints(parts[0], str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"), package) == []


@pytest.mark.parametrize("floor", [floor for floor in order() if len(floor) > 1], ids=lambda f: "-".join(sorted(f)))
def test_rooms_of_one_floor_do_not_import_each_other_both_ways(floor: set[str]) -> None:
    seen = set()
    for path in MODULES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] in floor:
            found = imports(path.read_text(encoding="utf-8"), ".".join([PACKAGE, *parts[:-1]]))
            seen |= {(parts[0], room) for i in found if (room := room_of(i.module)) in floor and room != parts[0]}
    assert [pair for pair in seen if pair[::-1] in seen] == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("spec", "import torch"),
        ("spec", "from analogcli.crossbar import Tile"),
        ("spec", "from analogcli import registry"),
        ("spec", "try:\n    import numpy as np\nexcept ImportError:\n    pass"),
        ("crossbar", "from analogcli.store import Store"),
        ("crossbar", "def f():\n    from analogcli.registry import load"),
        ("crossbar", "from ..cli import app"),
        ("crossbar", "from .. import nn"),
        ("nn", "from analogcli.backends import get"),
        ("backends", "import analogcli.training"),
        ("backends", "from analogcli.store import Store"),
        ("training", "if TYPE_CHECKING:\n    from analogcli.cli.progress import ProgressView"),
        ("store", "import torch"),
        ("store", "from analogcli.figures import summary"),
        ("data", "from analogcli.store import Store"),
        ("registry", "from analogcli.store import Store"),
        ("cli", "import torch"),
        ("errors", "from analogcli.spec import RunSpec"),
        ("figures", "from analogcli.sweep import plan"),
    ],
)
def test_a_wrong_import_is_found(room: str, source: str) -> None:
    assert len(complaints(room, "bad.py", source, f"{PACKAGE}.{room}")) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("store", "if TYPE_CHECKING:\n    from torch import Tensor"),
        ("store", "def f():\n    import torch"),
        ("cli", "def f():\n    import torch\n    from analogcli.training import train"),
        ("crossbar", "from analogcli.spec import IO\nfrom . import base\nimport torch"),
        ("training", "from analogcli.store import Store\nfrom analogcli import data, backends"),
    ],
)
def test_a_right_import_is_not(room: str, source: str) -> None:
    assert complaints(room, "good.py", source, f"{PACKAGE}.{room}") == []
