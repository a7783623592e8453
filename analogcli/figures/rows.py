"""The numbers behind a picture as rows, one for each point of each line."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from analogcli.registry.entries import Figure

if TYPE_CHECKING:
    from analogcli.figures.selection import Choice
    from analogcli.store import RunRecord

Row = dict[str, object]
Rows = Callable[["RunRecord"], list[Row]]
"""Returns the points of one run."""


def of_figure(figure: Figure, choices: "Sequence[Choice]", titles: dict[str, str], rows: Rows) -> list[Row]:
    """Return the points of every line that has a run, with panel, line and τ; ``titles`` names the settings."""
    return [
        {"panel": figure.panels[c.curve.panel].title, "line": titles[c.curve.setting], "tau": c.curve.tau} | row
        for c in choices
        if c.run is not None
        for row in rows(c.run)
    ]


def of_runs(runs: "Sequence[RunRecord]", labels: Sequence[str], rows: Rows) -> list[Row]:
    """Return the points of any runs, with the label of each."""
    return [{"line": label} | row for run, label in zip(runs, labels, strict=True) for row in rows(run)]
