"""Histograms of the weights w₂ − w₁ of double devices, layer by layer, with the rails at ± the span of the law.

Axes: N weights of a layer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Canvas

from analogcli.figures.theme import COLOURS, DIGITAL, PANEL_INCHES, themed

BINS = 100


@dataclass(frozen=True)
class Weights:
    """The weights of one model by layer, and the largest that its devices can have."""

    label: str
    layers: Mapping[str, np.ndarray]
    span: float


def draw_weights(models: Sequence[Weights]) -> Canvas:
    """Draw a panel for every layer, with one colour a model."""
    names = list(models[0].layers)
    with themed():
        size = (PANEL_INCHES[0] * len(names), PANEL_INCHES[1] + 0.16 * len(models))
        canvas = Canvas(figsize=size, layout="constrained")
        axes = canvas.subplots(1, len(names), squeeze=False)[0]
        for ax, name in zip(axes, names, strict=True):
            for i, model in enumerate(models):
                colour = COLOURS[i % len(COLOURS)]
                w_N = model.layers[name]
                # As published: 100 bins over the weights that there are, each with its share of them.
                share = np.full(len(w_N), 100 / len(w_N))
                ax.hist(w_N, BINS, weights=share, color=colour, alpha=0.6, label=model.label)
                for rail in (-model.span, model.span):
                    ax.axvline(rail, color=colour if len(models) > 1 else DIGITAL, linestyle=":", linewidth=1)
            reach = 1.05 * max(model.span for model in models)
            ax.set_xlim(-reach, reach)
            ax.set_title(f"{name}, rails dotted", fontsize=9)
            ax.set_xlabel("Resistor [-]")
            ax.set_ylabel("Share of the weights [%]")
        handles, labels = axes[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center")
        return canvas
