"""Errors against iterations of least-squares problems, as the papers draw them: smoothed, on a log axis.

A panel whose groups have several settings each has one colour a group and one line style a setting; otherwise every
line has its own colour. Bands are the population std over models.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from analogcli.figures.theme import COLOURS, DIGITAL, themed
from analogcli.registry.entries import CurveStyle, Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analogcli.figures.selection import Choice
    from analogcli.registry import Published
    from analogcli.spec import RunSpec
    from analogcli.store import RunRecord, Store

Lookup = Callable[["RunSpec"], "Published | None"]
"""Returns the published plateau of a run."""

PANEL_INCHES = (3.7, 2.8)
DEFAULT_LINE = "-o"
FLOOR_FROM = 0.8
"""Where published plateaus are drawn from [fraction of the iterations]."""


@dataclass(frozen=True)
class Line:
    """One line: the error before every iteration, and after the last, of each model."""

    label: str
    group: str
    colour: str
    style: str
    error_MS: np.ndarray
    published: "Published | None"

    def smoothed(self, weight: float) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and std over models of the moving averages; ``weight`` is that of the past."""
        average_MS = self.error_MS.astype(np.float64)
        for s in range(1, average_MS.shape[1]):
            average_MS[:, s] = weight * average_MS[:, s - 1] + (1 - weight) * average_MS[:, s]
        return average_MS.mean(0), average_MS.std(0)


def errors(run: "RunRecord", store: "Store") -> np.ndarray:
    """Return the errors [models, iterations + 1] of the models that are done."""
    chunks = [list(store.series(model, "train_loss").values()) for model in run.models]
    found = [np.concatenate(of_model) if of_model else np.zeros(0, np.float32) for of_model in chunks]
    longest = max(len(one) for one in found)
    return np.stack([one for one in found if len(one) == longest])


def lines_of(
    figure: Figure, choices: "Sequence[Choice]", titles: dict[str, str], store: "Store", published: Lookup
) -> list[tuple[int, Line]]:
    """Return every line that has a run, with the number of its panel."""
    out = []
    for number, panel in enumerate(figure.panels):
        drawn = [c for c in choices if c.run is not None and c.curve.panel == number]
        several = len(panel.groups) > 1 and len({c.curve.setting for c in drawn}) > 1
        shared = [c for c in drawn if several and _one_line(c, choices)]
        for place, choice in enumerate(drawn):
            curve = choice.curve
            assert choice.run is not None and curve.group is not None
            label, group = titles[curve.setting], panel.groups[curve.group].label
            colour = COLOURS[(curve.group if several else place) % len(COLOURS)]
            if choice in shared:
                group, colour = "", DIGITAL
            style = figure.style.lines.get(curve.setting, DEFAULT_LINE)
            if not several and place >= len(COLOURS):  # colours come again
                style = style.replace("-", "--", 1)
            found = Line(label, group, colour, style, errors(choice.run, store), published(curve.spec))
            out.append((number, found))
    return out


def lines_of_runs(runs: "Sequence[RunRecord]", labels: Sequence[str], store: "Store") -> list[tuple[int, Line]]:
    """Return a line for each of any runs, all in one panel."""
    of = zip(runs, labels, cycle(COLOURS), strict=False)
    return [(0, Line(label, "", colour, "-", errors(run, store), None)) for run, label, colour in of]


def draw_figure(figure: Figure, lines: Sequence[tuple[int, Line]]) -> Canvas:
    """Draw a registry figure, published plateaus faintly behind ours where the lines have any."""
    return _draw(lines, figure.style, [panel.title for panel in figure.panels])


def draw_runs(lines: Sequence[tuple[int, Line]]) -> Canvas:
    """Draw any runs into one panel, one colour each."""
    return _draw(lines, CurveStyle(legend="below"), [""])


def numbers(figure: Figure | None, lines: Sequence[tuple[int, Line]]) -> list[dict[str, object]]:
    """Return what is drawn as rows, not smoothed: mean and population std over models in every iteration."""
    return [
        {
            "panel": figure.panels[number].title if figure else "",
            "line": line.label,
            "group": line.group,
            "iteration": k,
            "error": float(mean),
            "std": float(std),
        }
        for number, line in lines
        for k, (mean, std) in enumerate(zip(*line.smoothed(0.0), strict=True))
    ]


def _draw(lines: Sequence[tuple[int, Line]], style: CurveStyle, titles: Sequence[str]) -> Canvas:
    panels = sorted({number for number, _ in lines})
    width, height = style.panel_inches or PANEL_INCHES
    handles = _legend([line for _, line in lines])
    if any(line.published for _, line in lines):
        handles.append(Line2D([], [], color="0.5", linestyle=":", alpha=0.6, linewidth=3, label="published"))
    # A legend beside the panels has room of its own: what is given is the size of the panels.
    beside = 0.0 if style.legend == "below" else 0.6 + 0.075 * max(len(str(h.get_label())) for h in handles)
    with themed():
        canvas = Canvas(figsize=(width * len(panels) + beside, height), layout="constrained")
        axes = canvas.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for ax, number in zip(axes, panels, strict=True):
            _draw_panel(ax, [line for panel, line in lines if panel == number], style)
            ax.set_title(titles[number], fontsize=9)
        axes[0].set_ylabel("$f(W_k) - f^*$")
        if style.legend == "below":
            canvas.legend(handles=handles, loc="outside lower center", ncol=min(len(handles), 4))
        else:
            canvas.legend(handles=handles, loc="outside right center")
        return canvas


def _one_line(choice: "Choice", choices: "Sequence[Choice]") -> bool:
    """Return whether a setting has one line in a panel, which belongs to no group more than to another."""
    curve = choice.curve
    return sum(c.curve.panel == curve.panel and c.curve.setting == curve.setting for c in choices) == 1


def _draw_panel(ax: "Axes", lines: Sequence[Line], style: CurveStyle) -> None:
    for line in lines:
        mean_S, std_S = line.smoothed(style.smoothing)
        k_S = np.arange(len(mean_S))
        # Markers of lines that lie on each other stand apart.
        first = style.marker_every * lines.index(line) // (2 * len(lines))
        ax.plot(k_S, mean_S, line.style, color=line.colour, markevery=(first, style.marker_every), markersize=5)
        if std_S.any():
            low_S = np.maximum(mean_S - std_S, mean_S / 10)  # What lies below 0 a log axis does not show.
            ax.fill_between(k_S, low_S, mean_S + std_S, color=line.colour, alpha=0.15, linewidth=0)
        if line.published is not None:
            ends = [FLOOR_FROM * len(k_S), len(k_S)]
            ax.plot(ends, 2 * [line.published.value], ":", color=line.colour, alpha=0.6, linewidth=3)
    ax.set_yscale("log")
    ax.set_xlabel("Iteration k")


def _legend(lines: Sequence[Line]) -> list[Line2D]:
    """Return what tells the lines apart: groups by colour and settings by style, or every line by itself."""
    groups = {line.group: line for line in lines if line.group}
    settings = {line.label: line for line in reversed(lines)}
    crossed = len(groups) > 1 and len({line.label for line in lines if line.group}) > 1
    if not crossed:
        each = {(line.group if len(groups) > 1 else "") or line.label: line for line in lines}
        return [_handle(label, line) for label, line in each.items()]
    colours = [Line2D([], [], color=line.colour, linewidth=3, label=group) for group, line in groups.items()]
    plain = [replace(line, colour="0.4" if line.group else DIGITAL) for line in reversed(settings.values())]
    return colours + [_handle(line.label, line) for line in plain]


def _handle(label: str, line: Line) -> Line2D:
    with themed():
        (handle,) = Canvas().subplots().plot([], [], line.style, color=line.colour, markersize=5, label=label)
    return handle
