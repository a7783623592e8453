"""Test accuracy after the last epoch against the learning rate: the magneto-ionic simulations' figures.

One line a setting, mean ± sample std over the models; linear devices have a second, dashed line for the same weights
after the field is switched off (field relaxation: the same pulses under the exponential law).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import AutoMinorLocator

from analogcli.figures.theme import COLOURS, PANEL_INCHES, themed
from analogcli.registry import Published
from analogcli.registry.entries import Figure
from analogcli.spec import RunSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analogcli.figures.selection import Choice

ABOVE = 5
"""Room above the best mean [percentage points], as published."""
RELAXED_SETTING = "double-linear"
"""The devices for which relaxation is drawn; the authors' exponential ones do not survive theirs."""


@dataclass(frozen=True)
class Line:
    """One line: accuracy [%] by learning rate, mean and sample std over the models."""

    label: str
    colour: str
    dashes: str
    marker: str
    lr_L: np.ndarray
    mean_L: np.ndarray
    std_L: np.ndarray


def draw_figure(
    figure: Figure,
    choices: "Sequence[Choice]",
    titles: dict[str, str],
    relaxed: Mapping[str, Sequence[float]],
    lookup: Callable[[RunSpec], Published | None],
) -> Canvas:
    """Draw a registry figure.

    ``relaxed`` has the accuracies [fraction] after relaxation by the id of the run; ``lookup`` returns the published
    value of a run, which is drawn faintly.
    """
    panels = [(i, list(own)) for i, own in groupby((c for c in choices if c.run), key=lambda c: c.curve.panel)]
    with themed():
        size = (PANEL_INCHES[0] * len(panels), PANEL_INCHES[1] + 0.6)
        canvas = Canvas(figsize=size, layout="constrained")
        axes = canvas.subplots(1, len(panels), squeeze=False)[0]
        for ax, (index, own) in zip(axes, panels, strict=True):
            panel = figure.panels[index]
            lines = _lines(own, panel.settings, titles, relaxed)
            _draw_published(ax, own, panel.settings, lookup)
            _draw(ax, lines, panel.y_min)
            ax.set_title(panel.title, fontsize=9)
        # Below all panels: there is no place in them that is free in every figure.
        canvas.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncol=min(2 * len(panels), 4))
        return canvas


def _lines(
    choices: "Sequence[Choice]", settings: Sequence[str], titles: dict[str, str], relaxed: Mapping[str, Sequence[float]]
) -> list[Line]:
    lines = []
    for number, setting in enumerate(settings):
        own = [c for c in choices if c.curve.setting == setting]
        colour = COLOURS[number % len(COLOURS)]
        trained = {
            c.curve.spec.task.lr: [m.epochs[-1].test_accuracy for m in c.run.models if m.epochs] for c in own if c.run
        }
        lines.append(_line(titles.get(setting, setting), colour, "-", "x", trained))
        after = {c.curve.spec.task.lr: relaxed.get(c.run.id, []) for c in own if c.run}
        if setting == RELAXED_SETTING and any(after.values()):
            lines.append(_line("Field relaxation", colour, "--", "o", after))
    return [line for line in lines if len(line.lr_L)]


def _draw_published(
    ax: "Axes", choices: "Sequence[Choice]", settings: Sequence[str], lookup: Callable[[RunSpec], Published | None]
) -> None:
    known = [(c.curve, value) for c in choices if (value := lookup(c.curve.spec))]
    for number, setting in enumerate(settings):
        own = [(curve.spec.task.lr, value) for curve, value in known if curve.setting == setting]
        trained = [(lr, value.value) for lr, value in own]
        relaxed = [(lr, value.relaxed) for lr, value in own if value.relaxed is not None]
        for points in (trained, relaxed):
            if points:
                ax.plot(*zip(*points, strict=True), color=COLOURS[number % len(COLOURS)], linewidth=4, alpha=0.3)
    if known:
        ax.plot([], [], color="0.5", linewidth=4, alpha=0.3, label="published")


def _line(label: str, colour: str, dashes: str, marker: str, found: Mapping[float, Sequence[float | None]]) -> Line:
    known = {lr: [100 * a for a in found[lr] if a is not None] for lr in sorted(found)}
    known = {lr: values for lr, values in known.items() if values}
    means, stds = (
        zip(*((np.mean(v), np.std(v, ddof=1) if len(v) > 1 else 0.0) for v in known.values()), strict=True)
        if known
        else ((), ())
    )
    return Line(label, colour, dashes, marker, np.array(list(known)), np.array(means), np.array(stds))


def _draw(ax: "Axes", lines: Sequence[Line], y_min: float) -> None:
    for line in lines:
        ax.plot(line.lr_L, line.mean_L, color=line.colour, linestyle=line.dashes, marker=line.marker, label=line.label)
        low_L, high_L = line.mean_L - line.std_L, line.mean_L + line.std_L
        ax.fill_between(line.lr_L, low_L, high_L, color=line.colour, alpha=0.2, linewidth=0)
    lowest, best = min(line.mean_L.min() for line in lines), max(line.mean_L.max() for line in lines)
    # The published axes begin at y_min and cut off what is below; here they go down to it.
    ax.set_ylim(min(y_min, np.floor(lowest - 0.5)), min(100, best + ABOVE))
    ax.yaxis.set_minor_locator(AutoMinorLocator())
    ax.set_xlabel("Learning rate [-]")
    ax.set_ylabel("Test accuracy [%]")
