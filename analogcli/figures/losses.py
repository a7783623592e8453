"""Losses against epochs, and the test error on a log axis where there are classes: the plots of AIHWKit's example 4.

One colour a run; training losses are solid and without markers, those of the test set dashed with markers.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from analogcli.figures.rows import Row
from analogcli.figures.theme import COLOURS, DIGITAL, PANEL_INCHES, themed
from analogcli.registry.entries import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analogcli.figures.selection import Choice
    from analogcli.store import EpochRecord, RunRecord

MARKERS = ("o", "s", "^", "v", "D")
MARKERS_PER_LINE = 10
LABEL_WIDTH = 60
"""Longest line of a label [characters]."""
SHORT = 24
"""Longest label that leaves room for another beside it [characters]."""


@dataclass(frozen=True)
class Drawn:
    """One run as it is drawn."""

    run: "RunRecord"
    label: str
    colour: str
    marker: str


def by_epoch(run: "RunRecord", quantity: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return epochs, mean and population std over models of ``train_loss``, ``test_loss`` or ``test_error`` [%]."""
    found: dict[int, list[float]] = {}
    for model in run.models:
        for record in model.epochs:
            value = _value(record, quantity)
            if value is not None:
                found.setdefault(record.epoch, []).append(value)
    epochs = sorted(found)
    return np.array(epochs), np.array([np.mean(found[e]) for e in epochs]), np.array([np.std(found[e]) for e in epochs])


def draw_figure(figure: Figure, choices: "Sequence[Choice]", titles: dict[str, str]) -> Canvas:
    """Draw a registry figure from the runs that were chosen for its lines; ``titles`` names the settings."""
    panels = []
    for index, chosen in groupby([c for c in choices if c.run is not None], key=lambda c: c.curve.panel):
        drawn = []
        for number, choice in enumerate(chosen):
            curve = choice.curve
            tau = "" if curve.tau is None else f", τ = {curve.tau:g}"
            colour = COLOURS[number % len(COLOURS)] if choice.curve.spec.device else DIGITAL
            assert choice.run is not None
            label = titles.get(curve.setting, curve.setting) + tau
            drawn.append(Drawn(choice.run, label, colour, MARKERS[number % len(MARKERS)]))
        panels.append((figure.panels[index].title, drawn))
    return _draw(panels)


def draw_runs(runs: "Sequence[RunRecord]", labels: Sequence[str]) -> Canvas:
    """Draw any runs into one panel of losses, and one of test errors if there are any."""
    drawn = [
        Drawn(run, textwrap.fill(label, LABEL_WIDTH), COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)])
        for i, (run, label) in enumerate(zip(runs, labels, strict=True))
    ]
    return _draw([("", drawn)])


def rows(run: "RunRecord") -> list[Row]:
    """Return losses and test errors of a run, a row for each epoch."""
    return [
        {"quantity": quantity, "epoch": int(epoch), "mean": float(mean), "std": float(std)}
        for quantity in ("train_loss", "test_loss", "test_error")
        for epoch, mean, std in zip(*by_epoch(run, quantity), strict=True)
    ]


def _draw(panels: Sequence[tuple[str, Sequence[Drawn]]]) -> Canvas:
    quantities = [
        (title, drawn, quantity)
        for title, drawn in panels
        for quantity in ("loss", "test_error")
        if quantity == "loss" or any(len(by_epoch(d.run, quantity)[0]) for d in drawn)
    ]
    rows = max(sum(d.label.count("\n") + 1 for d in drawn) for _, drawn in panels)
    with themed():
        size = (PANEL_INCHES[0] * len(quantities), PANEL_INCHES[1] + 0.3 + 0.16 * rows)
        canvas = Canvas(figsize=size, layout="constrained")
        axes = canvas.subplots(1, len(quantities), squeeze=False)[0]
        for ax, (title, drawn, quantity) in zip(axes, quantities, strict=True):
            (_draw_losses if quantity == "loss" else _draw_errors)(ax, drawn)
            ax.set_title(title, fontsize=9)
            ax.set_xlabel("Epoch")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        return canvas


def _draw_losses(ax: "Axes", drawn: Sequence[Drawn]) -> None:
    # Of a data set without a test set of its own both losses are of the same samples, and one of them is enough.
    classes = any(len(by_epoch(d.run, "test_error")[0]) for d in drawn)
    handles = []
    for d in drawn:
        handles.append(_line(ax, d, "train_loss", "-", "", "training" if classes else ""))
        if classes:
            handles.append(_line(ax, d, "test_loss", "--", d.marker, "validation"))
    _log_axis(ax)
    ax.set_ylabel("Loss" if classes else "Training loss")
    _legend(ax, handles)


def _draw_errors(ax: "Axes", drawn: Sequence[Drawn]) -> None:
    handles = [_line(ax, d, "test_error", "-", d.marker, "") for d in drawn]
    _log_axis(ax)
    ax.set_ylabel("Test error [%]")
    _legend(ax, handles)


def _log_axis(ax: "Axes") -> None:
    """Give the y axis 1, 2 and 5 of every decade, as numbers that are read without counting."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _line(ax: "Axes", d: Drawn, quantity: str, dashes: str, marker: str, what: str) -> Line2D:
    epoch_E, mean_E, std_E = by_epoch(d.run, quantity)
    every = max(1, len(epoch_E) // MARKERS_PER_LINE)
    label = f"{d.label}, {what}" if what else d.label
    (line,) = ax.plot(epoch_E, mean_E, color=d.colour, linestyle=dashes, marker=marker, markevery=every, label=label)
    if std_E.any():
        # What lies below 0 a log axis does not show.
        ax.fill_between(epoch_E, np.maximum(mean_E - std_E, mean_E / 10), mean_E + std_E, color=d.colour, alpha=0.15)
    return line


def _legend(ax: "Axes", handles: Sequence[Line2D]) -> None:
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncol=_columns(handles))


def _columns(handles: Sequence[Line2D]) -> int:
    longest = max(len(line) for handle in handles for line in str(handle.get_label()).splitlines())
    return 2 if len(handles) > 1 and longest <= SHORT else 1


def _value(record: "EpochRecord", quantity: str) -> float | None:
    if quantity == "test_error":
        return None if record.test_accuracy is None else 100 * (1 - record.test_accuracy)
    value: float | None = getattr(record, quantity)
    return value
