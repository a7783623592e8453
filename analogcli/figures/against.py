"""Test accuracy against a field of the spec, e.g. the weight of the fast array: a panel each, a line each network.

The last axis of a panel's grid is drawn along x; every other point of the grid is a line. A setting that does not have
the field is a level across the panel. Mean and std over models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import NullLocator

from analogcli.figures.selection import Choice
from analogcli.figures.summary import Summary, summarise
from analogcli.figures.table import named
from analogcli.figures.theme import COLOURS, DIGITAL, PANEL_INCHES, themed
from analogcli.registry import Registry
from analogcli.registry.entries import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "v", "D", "P")
NAMES = {
    "algorithm.gamma": "γ, weight of the fast array",
    "algorithm.tiles": "Number of tiles",
    "device.states": "Conductance states",
    "device.tau": "Dynamic range τ",
}
RATIO = "γ, weight of a tile relative to the next coarser one"
LOGARITHMIC = ("device.states",)
LEVELS = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
"""Dashes of the settings that are levels."""


@dataclass(frozen=True)
class Point:
    """One run: its place on x, its accuracy and spread [%], and the published accuracy."""

    x: float
    mean: float | None
    std: float | None
    published: float | None


@dataclass(frozen=True)
class Level:
    """A run without a place on x: its accuracy [%], and the published one."""

    mean: float | None
    published: float | None


def lines(figure: Figure, panel: int, choices: Sequence[Choice], registry: Registry) -> dict[str, list[Point]]:
    """Return the points of each line of a panel, by its label."""
    axis = list(figure.panels[panel].grid)[-1]
    titles = registry.protocols[figure.protocol].settings
    several = len(figure.panels[panel].settings) > 1
    out: dict[str, list[Point]] = {}
    for choice in choices:
        if choice.curve.panel != panel or axis not in choice.curve.point:
            continue
        rest = [named(path, value) for path, value in choice.curve.point.items() if path != axis]
        name = ", ".join([*([titles[choice.curve.setting].title] if several or not rest else []), *rest])
        known = registry.published(choice.curve.spec)
        mean, std = _percent(choice)
        point = Point(float(choice.curve.point[axis]), mean, std, known.value if known else None)
        out.setdefault(name, []).append(point)
    return {name: sorted(points, key=lambda p: p.x) for name, points in out.items()}


def levels(figure: Figure, panel: int, choices: Sequence[Choice], registry: Registry) -> dict[str, Level]:
    """Return the accuracy of each setting of a panel that does not have its field, by its label."""
    axis = list(figure.panels[panel].grid)[-1]
    titles = registry.protocols[figure.protocol].settings
    out: dict[str, Level] = {}
    for choice in choices:
        if choice.curve.panel == panel and axis not in choice.curve.point:
            rest = [named(path, value) for path, value in choice.curve.point.items()]
            known = registry.published(choice.curve.spec)
            name = ", ".join([titles[choice.curve.setting].title, *rest])
            out[name] = Level(_percent(choice)[0], known.value if known else None)
    return out


def _percent(choice: Choice) -> tuple[float | None, float | None]:
    """Return mean and std of the accuracy of a run [%]."""
    found: Summary | None = summarise(choice.run) if choice.run else None
    if found is None or found.accuracy is None:
        return None, None
    return 100 * found.accuracy, None if found.std is None else 100 * found.std


def draw_figure(figure: Figure, choices: Sequence[Choice], registry: Registry) -> Canvas:
    """Draw what is stored, and the published values faintly behind it."""
    panels = [
        (lines(figure, i, choices, registry), levels(figure, i, choices, registry)) for i in range(len(figure.panels))
    ]
    labels = {label for drawn in panels for part in drawn for label in part}
    rows = -(-len(labels) // _legend_columns(len(panels)))
    with themed():
        height = PANEL_INCHES[1] + 0.3 + 0.17 * rows
        canvas = Canvas(figsize=(PANEL_INCHES[0] * len(panels), height), layout="constrained")
        for panel, (points, across), ax in zip(
            figure.panels, panels, canvas.subplots(1, len(panels), squeeze=False)[0], strict=True
        ):
            axis = list(panel.grid)[-1]
            _draw_panel(ax, points, across)
            if axis in LOGARITHMIC:
                ax.set_xscale("log")
                ax.set_xticks(panel.grid[axis], [f"{value:g}" for value in panel.grid[axis]], minor=False)
                ax.xaxis.set_minor_locator(NullLocator())
            ax.set_xlabel(RATIO if axis == "algorithm.gamma" and panel.settings == ("resl",) else NAMES.get(axis, axis))
            ax.set_ylabel("Test accuracy [%]")
            ax.set_title(panel.title, fontsize=9)
        _legend(canvas, _any_published(panels))
        return canvas


def _legend_columns(panels: int) -> int:
    return 2 * panels


def _any_published(panels: Sequence[tuple[dict[str, list[Point]], dict[str, Level]]]) -> bool:
    points = [p.published for drawn, _ in panels for of_line in drawn.values() for p in of_line]
    return any([*points, *(level.published for _, across in panels for level in across.values())])


def _legend(canvas: Canvas, published: bool) -> None:
    """Explain the lines of all panels once, below them: there is no room in a panel that no line needs."""
    entries = [ax.get_legend_handles_labels() for ax in canvas.axes]
    by_label = {label: handle for handles, labels in entries for handle, label in zip(handles, labels, strict=True)}
    canvas.legend(
        handles=list(by_label.values()),
        labels=list(by_label),
        loc="outside lower center",
        ncol=_legend_columns(len(canvas.axes)),
        title="faint: published" if published else None,
        title_fontsize=7.5,
    )


def _draw_panel(ax: "Axes", drawn: dict[str, list[Point]], across: dict[str, Level]) -> None:
    for dashes, (name, level) in zip(LEVELS, across.items(), strict=False):
        label: str | None = name
        for shown, alpha in ((level.mean, 0.8), (level.published, 0.3)):
            if shown is not None:
                ax.axhline(shown, color=DIGITAL, linestyle=dashes, linewidth=1.0, alpha=alpha, label=label)
                label = None
    for number, (name, points) in enumerate(drawn.items()):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        known = [p for p in points if p.published is not None]
        published = [p.published for p in known if p.published is not None]
        ours = [(p.x, p.mean, p.std or 0.0) for p in points if p.mean is not None]
        label = None if ours else name
        ax.plot([p.x for p in known], published, "--", color=colour, marker=marker, alpha=0.3, label=label)
        if ours:
            x, mean, std = zip(*ours, strict=True)
            ax.errorbar(x, mean, std, color=colour, marker=marker, capsize=2, label=name)
