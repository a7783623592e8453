"""Accuracy against the time since the weights were programmed: one curve for each run and drift compensation.

Mean over repeats and models with a band of ± 1 population std. The time axis is linear up to 1 s and logarithmic from
there on, so that it begins at 0; the dotted line is the accuracy before programming. Where there are no classes the
loss is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analogcli.figures.theme import COLOURS, PANEL_INCHES, themed
from analogcli.store import BEFORE, InferenceRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "v", "D", "P")
LONGEST_BESIDE = 32
"""Longest label of which two find room beside each other."""
DASHES: dict[str, Literal["-", "--"]] = {"global": "-", "none": "--"}
"""Line style for each drift compensation."""


@dataclass(frozen=True)
class DriftPoint:
    """One time of a run: mean and population std over repeats and models; accuracies are fractions."""

    seconds: float
    n: int
    loss: float
    loss_std: float
    accuracy: float | None
    accuracy_std: float | None
    predictions: list[float] | None
    """Mean of the numbers predicted, sample by sample."""


@dataclass(frozen=True)
class DriftCurve:
    """A run on one kind of memory, as it is drawn."""

    label: str
    compensation: str
    points: list[DriftPoint]


def by_time(records: Sequence[InferenceRecord]) -> list[DriftPoint]:
    """Return one point for each time, the earliest first."""
    points = []
    for seconds in sorted({record.seconds for record in records}):
        here = [record for record in records if record.seconds == seconds]
        losses = [record.test_loss for record in here]
        found = [record.test_accuracy for record in here if record.test_accuracy is not None]
        mean, std = (fmean(found), pstdev(found)) if found else (None, None)
        predicted = [record.predictions for record in here if record.predictions]
        numbers = [fmean(column) for column in zip(*predicted, strict=True)] or None
        points.append(DriftPoint(seconds, len(here), fmean(losses), pstdev(losses), mean, std, numbers))
    return points


def draw_drift(curves: Sequence[DriftCurve]) -> Canvas:
    """Draw accuracies against time; losses if a curve has no accuracy."""
    losses = any(point.accuracy is None for curve in curves for point in curve.points)
    labels = list(dict.fromkeys(curve.label for curve in curves))
    handles = _handles(curves, labels)
    columns = 2 if max(map(len, labels)) <= LONGEST_BESIDE else 1
    with themed():
        height = PANEL_INCHES[1] + 0.16 * -(-len(handles) // columns)
        canvas = Canvas(figsize=(1.4 * PANEL_INCHES[0], height), layout="constrained")
        ax = canvas.subplots()
        latest = 1.0
        for curve in curves:
            number = labels.index(curve.label)
            colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
            dashes = DASHES[curve.compensation]
            after = [point for point in curve.points if point.seconds != BEFORE]
            seconds_T = np.array([point.seconds for point in after])
            mean_T, std_T = np.array([_value(point, losses) for point in after]).reshape(-1, 2).T
            ax.plot(seconds_T, mean_T, color=colour, linestyle=dashes, marker=marker)
            if std_T.any():
                ax.fill_between(seconds_T, mean_T - std_T, mean_T + std_T, color=colour, alpha=0.12, linewidth=0)
            for point in curve.points:
                if point.seconds == BEFORE:
                    ax.axhline(_value(point, losses)[0], color=colour, linestyle=":", linewidth=0.9, zorder=1)
            latest = max(latest, *seconds_T)
        _time_axis(ax, latest)
        ax.set_ylabel("Test loss" if losses else "Test accuracy [%]")
        canvas.legend(handles=handles, loc="outside lower center", ncol=columns)
        return canvas


def _value(point: DriftPoint, losses: bool) -> tuple[float, float]:
    if losses or point.accuracy is None or point.accuracy_std is None:
        return point.loss, point.loss_std
    return 100 * point.accuracy, 100 * point.accuracy_std


def _handles(curves: Sequence[DriftCurve], labels: Sequence[str]) -> list[Line2D]:
    """Return what the legend shows: colours for the runs, line styles for what is done about drift."""
    runs = [
        Line2D([], [], color=COLOURS[i % len(COLOURS)], marker=MARKERS[i % len(MARKERS)], label=label)
        for i, label in enumerate(labels)
    ]
    words = {"global": "global drift compensation", "none": "no drift compensation"}
    used = [name for name in words if any(curve.compensation == name for curve in curves)]
    styles = [Line2D([], [], color="0.4", linestyle=DASHES[name], label=words[name]) for name in used]
    return [*runs, *styles, Line2D([], [], color="0.4", linestyle=":", linewidth=0.9, label="before programming")]


def _time_axis(ax: "Axes", latest: float) -> None:
    ax.set_xscale("symlog", linthresh=1.0, linscale=0.5)
    decades = int(np.ceil(np.log10(latest)))
    step = 1 if decades <= 6 else 2
    ax.xaxis.set_major_locator(FixedLocator([0.0, *(10.0**d for d in range(0, decades + 1, step))]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda t, _: "0" if t == 0 else f"$10^{{{round(np.log10(t))}}}$"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(-0.2, 1.6 * latest)
    ax.set_xlabel("Time since programming [s]")
