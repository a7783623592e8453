"""Mean |∂L/∂W| of the last mini-batch against epochs, on a log axis: one colour a run, mean ± std over its models."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from analogcli.figures.losses import LABEL_WIDTH, by_epoch
from analogcli.figures.theme import COLOURS, PANEL_INCHES, themed

if TYPE_CHECKING:
    from analogcli.store import RunRecord


def draw_gradients(runs: "Sequence[RunRecord]", labels: Sequence[str]) -> Canvas:
    """Draw the gradients of any runs into one panel; ``labels`` name them."""
    wrapped = [textwrap.fill(label, LABEL_WIDTH) for label in labels]
    height = PANEL_INCHES[1] + 0.16 * sum(label.count("\n") + 1 for label in wrapped)
    with themed():
        canvas = Canvas(figsize=(1.4 * PANEL_INCHES[0], height), layout="constrained")
        ax = canvas.subplots()
        for i, (run, label) in enumerate(zip(runs, wrapped, strict=True)):
            epoch_E, mean_E, std_E = by_epoch(run, "mean_abs_gradient")
            colour = COLOURS[i % len(COLOURS)]
            ax.plot(epoch_E, mean_E, color=colour, marker="o", markersize=3, label=label)
            if std_E.any():
                ax.fill_between(epoch_E, mean_E - std_E, mean_E + std_E, color=colour, alpha=0.2, linewidth=0)
        ax.set_yscale("log")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        ax.set_xlabel("Epoch")
        ax.set_ylabel("Mean |gradient|")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
        return canvas
