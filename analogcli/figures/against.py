"""Test accuracy against a field of the spec, e.g. the weight of the fast array: a panel each, a line each network.

The last axis of a panel's grid is drawn along x; every other point of the grid is a line. Mean and std over models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.figure import Figure as Canvas

from analogcli.figures.selection import Choice
from analogcli.figures.summary import summarise
from analogcli.figures.theme import COLOURS, PANEL_INCHES, themed
from analogcli.registry import Registry
from analogcli.registry.entries import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "v", "D", "P")
NAMES = {"algorithm.gamma": "γ, weight of the fast array", "algorithm.tiles": "Number of tiles"}


@dataclass(frozen=True)
class Point:
    """One run: its place on x, its accuracy and spread [%], and the published accuracy."""

    x: float
    mean: float | None
    std: float | None
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
        rest = [str(value) for path, value in choice.curve.point.items() if path != axis]
        name = ", ".join([*([titles[choice.curve.setting].title] if several or not rest else []), *rest])
        found, known = summarise(choice.run) if choice.run else None, registry.published(choice.curve.spec)
        mean = None if found is None or found.accuracy is None else 100 * found.accuracy
        std = None if found is None or found.std is None else 100 * found.std
        point = Point(float(choice.curve.point[axis]), mean, std, known.value if known else None)
        out.setdefault(name, []).append(point)
    return {name: sorted(points, key=lambda p: p.x) for name, points in out.items()}


def draw_figure(figure: Figure, choices: Sequence[Choice], registry: Registry) -> Canvas:
    """Draw what is stored, and the published values faintly behind it."""
    with themed():
        canvas = Canvas(figsize=(PANEL_INCHES[0] * len(figure.panels), PANEL_INCHES[1] + 0.3), layout="constrained")
        for index, ax in enumerate(canvas.subplots(1, len(figure.panels), squeeze=False)[0]):
            _draw_panel(ax, lines(figure, index, choices, registry))
            axis = list(figure.panels[index].grid)[-1]
            ax.set_xlabel(NAMES.get(axis, axis))
            ax.set_ylabel("Test accuracy [%]")
            ax.set_title(figure.panels[index].title, fontsize=9)
        return canvas


def _draw_panel(ax: "Axes", drawn: dict[str, list[Point]]) -> None:
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
    ax.legend(title="faint: published" if any(p.published for ps in drawn.values() for p in ps) else None)
