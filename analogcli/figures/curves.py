"""Test accuracy against epochs, as the papers draw it: one colour a τ, one line style a method, an inset of the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analogcli.figures.theme import COLOURS, PANEL_INCHES, themed
from analogcli.registry.entries import CurveStyle, Figure, Inset

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analogcli.figures.selection import Choice
    from analogcli.store import RunRecord

Dashes = Literal["-", "--", "-.", ":"]

METHOD_STYLES: dict[str, tuple[Dashes, str]] = {
    "fp-sgd": ("-.", "s"),
    "fp-sgdm": (":", "D"),
    "analog-sgd": ("--", "o"),
    "tt-v1": ("-", "^"),
}
OTHER_STYLE: tuple[Dashes, str] = ("-", "v")
MAX_LEGEND_COLUMNS = 3


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
            by_epoch.setdefault(record.epoch, []).append(100 * record.test_accuracy)
    epochs = sorted(by_epoch)
    mean_E = np.array([np.mean(by_epoch[e]) for e in epochs])
    std_E = np.array([np.std(by_epoch[e]) for e in epochs])
    for i in range(1, len(mean_E)):
        mean_E[i] = smoothing * mean_E[i - 1] + (1 - smoothing) * mean_E[i]
    return np.array(epochs), mean_E, std_E


def draw_figure(figure: Figure, choices: "Sequence[Choice]", titles: dict[str, str]) -> Canvas:
    """Draw a registry figure from the runs that were chosen for its lines; ``titles`` names the settings."""
    drawn = [c for c in choices if c.run is not None]
    panels = [index for index, _ in groupby(drawn, key=lambda c: c.curve.panel)]
    with themed():
        canvas = Canvas(figsize=(PANEL_INCHES[0] * len(panels), PANEL_INCHES[1] + 0.5), layout="constrained")
        axes = canvas.subplots(1, len(panels), squeeze=False)[0]
        for ax, index in zip(axes, panels, strict=True):
            panel = figure.panels[index]
            chosen = [c for c in drawn if c.curve.panel == index]
            lines = [_line(c, panel.tau, figure.style, titles) for c in chosen]
            _draw_panel(ax, lines, figure.style, panel.y_min)
            ax.set_title(panel.title, fontsize=9)
            if panel.inset and max(line.epoch_E[-1] for line in lines) >= panel.inset.epochs[1]:
                _draw_inset(ax, lines, panel.inset)
            _legend(ax, _legend_handles(lines, [c.curve.tau for c in chosen], panel.tau))
        return canvas


def draw_runs(runs: "Sequence[RunRecord]", labels: Sequence[str]) -> Canvas:
    """Draw any runs into one panel, one colour each."""
    with themed():
        canvas = Canvas(figsize=(PANEL_INCHES[0], PANEL_INCHES[1] + 0.15 * len(runs)), layout="constrained")
        ax = canvas.subplots()
        lines = []
        for i, (run, label) in enumerate(zip(runs, labels, strict=True)):
            dashes, marker = METHOD_STYLES.get(run.spec_data["setting"], OTHER_STYLE)
            lines.append(Line(label, COLOURS[i % len(COLOURS)], dashes, marker, *accuracy_by_epoch(run)))
        _draw_panel(ax, lines, CurveStyle(marker_every=max(1, max(len(li.epoch_E) for li in lines) // 8)), 0)
        _legend(ax, [_handle(line.label, line.colour, line.dashes, line.marker) for line in lines], columns=1)
        return canvas


def _line(choice: "Choice", taus: Sequence[float], style: CurveStyle, titles: dict[str, str]) -> Line:
    assert choice.run is not None
    curve = choice.curve
    dashes, marker = METHOD_STYLES.get(curve.setting, OTHER_STYLE)
    colour = COLOURS[taus.index(curve.tau) % len(COLOURS)] if curve.tau is not None else COLOURS[3]
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
    ax.set_ylabel("Test accuracy [%]")
    ax.set_ylim(y_min, 101)
    ax.set_xlim(0, max(max(line.epoch_E[-1] for line in lines), 1))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_inset(ax: "Axes", lines: Sequence[Line], inset: Inset) -> None:
    small = ax.inset_axes(inset.box, xlim=inset.epochs, ylim=inset.accuracy)
    for line in lines:
        small.plot(
            line.epoch_E, line.mean_E, color=line.colour, linestyle=line.dashes, marker=line.marker, markersize=3
        )
    small.tick_params(labelsize=6)
    small.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
    ax.indicate_inset_zoom(small, edgecolor="0.4")


def _legend_handles(lines: Sequence[Line], drawn_taus: Sequence[float | None], taus: Sequence[float]) -> list[Line2D]:
    colours = [
        Line2D([], [], color=COLOURS[i % len(COLOURS)], linewidth=3, label=f"τ = {tau:g}")
        for i, tau in enumerate(taus)
        if tau in drawn_taus
    ]
    methods = {line.label: line for line in lines}.values()
    digital = [_handle(m.label, m.colour if m.colour == COLOURS[3] else "0.3", m.dashes, m.marker) for m in methods]
    return colours + digital


def _handle(label: str, colour: str, dashes: Dashes, marker: str) -> Line2D:
    return Line2D([], [], color=colour, linestyle=dashes, marker=marker, label=label)


def _legend(ax: "Axes", handles: list[Line2D], columns: int = MAX_LEGEND_COLUMNS) -> None:
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncol=columns, handlelength=2.4)
