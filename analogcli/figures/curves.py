"""Test accuracy against epochs, as the papers draw it: one colour a τ, one line style a method, an inset of the end.

Where a panel has a grid instead, every point of it is a colour.
"""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analogcli.figures.rows import Row
from analogcli.figures.table import named
from analogcli.figures.theme import COLOURS, DIGITAL, PANEL_INCHES, themed
from analogcli.registry import Published
from analogcli.registry.entries import CurveStyle, Figure, Inset
from analogcli.spec import RunSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analogcli.figures.selection import Choice
    from analogcli.store import RunRecord

Lookup = Callable[[RunSpec], Published | None]
Box = tuple[float, float, float, float]
Dashes = Literal["-", "--", "-.", ":"]

METHOD_STYLES: dict[str, tuple[Dashes, str]] = {
    "fp-sgd": ("-.", "s"),
    "fp-sgdm": (":", "D"),
    "analog-sgd": ("--", "o"),
    "tt-v1": ("-", "^"),
}
SMOOTH_FROM = 10
"""Epochs from which on a moving average does not hide what a run has reached."""
OTHER_STYLE: tuple[Dashes, str] = ("-", "v")
AGAIN = ("x", "+", "*", "d")
"""Markers of the lines for which there is no further colour."""
LEGEND_COLUMNS = 3
PUBLISHED: dict[str, Any] = {"linewidth": 5, "alpha": 0.35, "zorder": 0}
FAINT = Line2D([], [], color="0.5", label="published", **PUBLISHED)
LABEL_WIDTH = 70
"""Longest line of a label below a single panel [characters]."""


@dataclass(frozen=True)
class Line:
    """One line: accuracy [%] by epoch, mean and std over the models that got there."""

    label: str
    colour: str
    dashes: Dashes
    marker: str
    epoch_E: np.ndarray
    mean_E: np.ndarray
    std_E: np.ndarray


def accuracy_by_epoch(run: "RunRecord", smoothing: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return epochs, mean and population std over models of the test accuracy [%].

    ``smoothing`` is the weight of the past in an exponential moving average of the mean (the papers: 0.8).
    """
    by_epoch: dict[int, list[float]] = {}
    for model in run.models:
        for record in model.epochs:
            if record.test_accuracy is not None:
                by_epoch.setdefault(record.epoch, []).append(100 * record.test_accuracy)
    epochs = sorted(by_epoch)
    mean_E = np.array([np.mean(by_epoch[e]) for e in epochs])
    std_E = np.array([np.std(by_epoch[e]) for e in epochs])
    for i in range(1, len(mean_E)):
        mean_E[i] = smoothing * mean_E[i - 1] + (1 - smoothing) * mean_E[i]
    return np.array(epochs), mean_E, std_E


def draw_figure(figure: Figure, choices: "Sequence[Choice]", titles: dict[str, str], lookup: Lookup) -> Canvas:
    """Draw a registry figure from the runs that were chosen for its lines.

    ``titles`` names the settings; ``lookup`` returns the published value of a run, which is drawn faintly.
    """
    drawn = [c for c in choices if c.run is not None]
    panels = [index for index, _ in groupby(drawn, key=lambda c: c.curve.panel)]
    with themed():
        canvas = Canvas(figsize=(PANEL_INCHES[0] * len(panels), PANEL_INCHES[1] + 0.5), layout="constrained")
        axes = canvas.subplots(1, len(panels), squeeze=False)[0]
        for ax, index in zip(axes, panels, strict=True):
            panel = figure.panels[index]
            chosen = [c for c in drawn if c.curve.panel == index]
            style = _style_for(figure.style, chosen)
            variants = _variants([c for c in choices if c.curve.panel == index], panel.tau)
            lines = [_line(c, variants, style, titles) for c in chosen]
            _draw_panel(ax, lines, style, panel.y_min)
            known = [lookup(c.curve.spec) for c in chosen]
            for line, choice, value in zip(lines, chosen, known, strict=True):
                if value is not None:
                    _draw_published(ax, line, choice.curve.spec.task.epochs, value)
            ax.set_title(panel.title, fontsize=9)
            if panel.inset and any(_is_in(panel.inset, line) for line in lines):
                _draw_inset(ax, lines, panel.inset)
            legend = _legend_rows(lines, [_variant(c) for c in chosen], variants)
            _legend(ax, [*legend, [FAINT]] if any(known) else legend)
        return canvas


def draw_runs(runs: "Sequence[RunRecord]", labels: Sequence[str]) -> Canvas:
    """Draw any runs into one panel, one colour each."""
    lines = []
    for i, (run, label) in enumerate(zip(runs, labels, strict=True)):
        dashes, marker = METHOD_STYLES.get(run.spec_data["setting"], OTHER_STYLE)
        # Where colours come again, markers tell lines of one method apart.
        marker = marker if i < len(COLOURS) else AGAIN[(i // len(COLOURS) - 1) % len(AGAIN)]
        wrapped = textwrap.fill(label, LABEL_WIDTH, subsequent_indent="   ")
        lines.append(Line(wrapped, COLOURS[i % len(COLOURS)], dashes, marker, *accuracy_by_epoch(run)))
    height = PANEL_INCHES[1] + 0.16 * sum(line.label.count("\n") + 1 for line in lines)
    with themed():
        canvas = Canvas(figsize=(1.4 * PANEL_INCHES[0], height), layout="constrained")
        ax = canvas.subplots()
        _draw_panel(ax, lines, CurveStyle(marker_every=max(1, max(len(li.epoch_E) for li in lines) // 8)), 0)
        _legend(ax, [[_handle(line.label, line.colour, line.dashes, line.marker)] for line in lines])
        return canvas


def rows(run: "RunRecord") -> list[Row]:
    """Return the accuracies of a run, not smoothed, a row for each epoch."""
    names = ("epoch", "accuracy [%]", "std")
    return [dict(zip(names, map(float, row), strict=True)) for row in zip(*accuracy_by_epoch(run), strict=True)]


def _style_for(style: CurveStyle, chosen: "Sequence[Choice]") -> CurveStyle:
    """Return the figure's style; lines too short to be smoothed are drawn as they are, with all their markers."""
    shortest = min(max(e.epoch for m in c.run.models for e in m.epochs) for c in chosen if c.run is not None)
    return style if shortest >= SMOOTH_FROM else CurveStyle(marker_every=1)


def _variant(choice: "Choice") -> str | None:
    """Return what the colour of a line stands for, None for one that is not of any τ or point of a grid."""
    if choice.curve.tau is not None:
        return f"τ = {choice.curve.tau:g}"
    return ", ".join(named(path, value) for path, value in choice.curve.point.items()) or None


def _variants(choices: "Sequence[Choice]", taus: Sequence[float]) -> list[str]:
    """Return what has a colour in a panel, whether it is stored or not."""
    known = [f"τ = {tau:g}" for tau in taus] + [_variant(c) for c in choices]
    return list(dict.fromkeys(v for v in known if v is not None))


def _line(choice: "Choice", variants: Sequence[str], style: CurveStyle, titles: dict[str, str]) -> Line:
    assert choice.run is not None
    curve = choice.curve
    dashes, marker = METHOD_STYLES.get(curve.setting, OTHER_STYLE)
    variant = _variant(choice)
    colour = DIGITAL if variant is None else COLOURS[variants.index(variant) % len(COLOURS)]
    data = accuracy_by_epoch(choice.run, style.smoothing)
    return Line(titles.get(curve.setting, curve.setting), colour, dashes, marker, *data)


def _draw_panel(ax: "Axes", lines: Sequence[Line], style: CurveStyle, y_min: float) -> None:
    for line in lines:
        ax.plot(
            line.epoch_E,
            line.mean_E,
            color=line.colour,
            linestyle=line.dashes,
            marker=line.marker,
            markevery=style.marker_every,
        )
        if line.std_E.any():
            low_E, high_E = line.mean_E - line.std_E, line.mean_E + line.std_E
            ax.fill_between(line.epoch_E, low_E, high_E, color=line.colour, alpha=0.15, linewidth=0)
    ax.set_xlabel("Epoch")
    smoothed = f", moving average {style.smoothing:g}" if style.smoothing else ""
    ax.set_ylabel(f"Test accuracy [%]{smoothed}")
    ax.set_ylim(y_min, 101)
    last = max(1, *(line.epoch_E[-1] for line in lines))
    ax.set_xlim(-0.015 * last, 1.015 * last)  # Room for the first and the last marker.
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def _draw_published(ax: "Axes", line: Line, epochs: int, value: Published) -> None:
    """Draw a published mean of the last epochs over the epochs that it is the mean of."""
    over = [epochs - value.last_epochs + 0.5, epochs + 0.5]
    ax.plot(over, [value.value] * 2, color=line.colour, solid_capstyle="butt", **PUBLISHED)


def _draw_inset(ax: "Axes", lines: Sequence[Line], inset: Inset) -> None:
    small = ax.inset_axes(_free_box(ax, lines, inset.box), xlim=inset.epochs, ylim=inset.accuracy)
    small.spines[:].set_visible(True)
    for line in lines:
        small.plot(
            line.epoch_E, line.mean_E, color=line.colour, linestyle=line.dashes, marker=line.marker, markersize=3
        )
    small.tick_params(labelsize=6)
    small.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
    ax.indicate_inset_zoom(small, edgecolor="0.4")


def _is_in(inset: Inset, line: Line) -> bool:
    """Return whether a line comes to the last epoch of the inset and shows in it."""
    (first, last), (low, high) = inset.epochs, inset.accuracy
    shown_E = (line.epoch_E >= first) & (line.epoch_E <= last)
    return bool(line.epoch_E[-1] >= last and ((low <= line.mean_E) & (line.mean_E <= high) & shown_E).any())


def _free_box(ax: "Axes", lines: Sequence[Line], box: Box) -> Box:
    """Return where an inset of this size covers the least of the lines: its own place, or the nearest better one."""
    _, _, width, height = box
    points_P2 = np.concatenate([_densely(line) for line in lines])
    at_P2 = ax.transAxes.inverted().transform(ax.transData.transform(points_P2))

    def covered(x: float, y: float) -> tuple[int, float]:
        # The numbers at its axes stand to the left of an inset and below it.
        low, high = np.array([x - 0.13, y - 0.08]), np.array([x + width + 0.02, y + height + 0.02])
        inside = ((low <= at_P2) & (at_P2 <= high)).all(axis=1)
        return int(inside.sum()), abs(x - box[0]) + abs(y - box[1])

    places = [(float(x), float(y)) for x in np.arange(0.14, 0.97 - width, 0.04) for y in np.arange(0.12, 0.66, 0.04)]
    x, y = min([box[:2], *places], key=lambda place: covered(*place))
    return x, y, width, height


def _densely(line: Line) -> np.ndarray:
    """Return points [epoch, accuracy] along a line, close enough that none jumps over an inset."""
    epochs = np.linspace(line.epoch_E[0], line.epoch_E[-1], 20 * len(line.epoch_E))
    return np.column_stack([epochs, np.interp(epochs, line.epoch_E, line.mean_E)])


def _legend_rows(lines: Sequence[Line], drawn: Sequence[str | None], variants: Sequence[str]) -> list[list[Line2D]]:
    """Return what the legend shows: colours (τ) in the first rows, line styles (methods) in the rows below."""
    colours = [
        Line2D([], [], color=COLOURS[i % len(COLOURS)], linewidth=3, label=variant)
        for i, variant in enumerate(variants)
        if variant in drawn
    ]
    by_label = {line.label: line for line in lines}.values()
    methods = [_handle(m.label, DIGITAL if m.colour == DIGITAL else "0.5", m.dashes, m.marker) for m in by_label]
    return [group[i : i + LEGEND_COLUMNS] for group in (colours, methods) for i in range(0, len(group), LEGEND_COLUMNS)]


def _handle(label: str, colour: str, dashes: Dashes, marker: str) -> Line2D:
    return Line2D([], [], color=colour, linestyle=dashes, marker=marker, label=label)


def _legend(ax: "Axes", rows: Sequence[Sequence[Line2D]]) -> None:
    # Matplotlib fills a legend column by column; what is missing in a shorter row is filled up with nothing.
    nothing = Line2D([], [], linestyle="", label=" ")
    columns = list(zip_longest(*rows, fillvalue=nothing))
    handles = [handle for column in columns for handle in column]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncol=len(columns))
