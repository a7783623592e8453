"""A table of a paper: what was run in each cell, our mean ± std, and the published value beside it.

Rows are panels and what of their grids belongs to the task (the network); columns are settings and the rest of the
grids (the number of tiles).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analogcli.figures.selection import Choice
from analogcli.figures.summary import Summary, summarise
from analogcli.registry import Curve, Published, Registry
from analogcli.registry.entries import Figure


@dataclass(frozen=True)
class Cell:
    """One cell; no summary where nothing is stored, and no published value where none is known."""

    row: str
    column: str
    choice: Choice
    summary: Summary | None
    published: Published | None


def cells(figure: Figure, choices: Sequence[Choice], registry: Registry) -> list[Cell]:
    """Return the cells of a figure of kind ``table``, row by row."""
    titles = {name: setting.title for name, setting in registry.protocols[figure.protocol].settings.items()}
    out = []
    for choice in choices:
        curve = choice.curve
        row = ", ".join([figure.panels[curve.panel].title, *label(curve, task=True)])
        column = ", ".join([titles[curve.setting], *label(curve, task=False)])
        summary = summarise(choice.run) if choice.run else None
        out.append(Cell(row, column, choice, summary, registry.published(curve.spec)))
    return out


def label(curve: Curve, *, task: bool) -> list[str]:
    """Return where a run lies on the axes of its panel's grid that belong to the task, or on all others."""
    return [named(path, value) for path, value in curve.point.items() if path.startswith("task.") == task]


def named(path: str, value: object) -> str:
    """Return how a place on an axis of a grid is called: ``resnet18``, ``tiles 4``."""
    return str(value) if path == "task.model.name" else f"{path.rpartition('.')[2]} {value}"
