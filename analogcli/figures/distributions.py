"""The weights of trained networks, and how far the devices that hold them are towards their bounds.

::

    saturation = |w|/w_max of the device for w ≥ 0, |w|/|w_min| for w < 0

Densities over 400 bins, as published; several models of a run are counted together. Axes: N weights of all layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure as Canvas

from analogcli.backends import Saturates, Trainable
from analogcli.figures.theme import COLOURS, DIGITAL, PANEL_INCHES, themed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 400
REACH = 1.0
"""Largest weight that is drawn."""


@dataclass(frozen=True)
class Distribution:
    """The weights of one run, and the saturation of its devices if it has any."""

    label: str
    weight_N: np.ndarray
    saturation_N: np.ndarray | None

    @classmethod
    def of(cls, label: str, groups: Sequence[Trainable]) -> "Distribution":
        """Return those of models as an engine has them."""
        weights = [layers for models in groups for layers in models.weights()]
        saturations = [layers for models in groups if isinstance(models, Saturates) for layers in models.saturation()]
        return cls(label, _flat(weights), _flat(saturations) if saturations else None)


def draw_distributions(title: str, drawn: Sequence[Distribution]) -> Canvas:
    """Draw weights (left) and saturation (right), one colour a run."""
    with themed():
        canvas = Canvas(figsize=(2 * PANEL_INCHES[0], PANEL_INCHES[1]), layout="constrained")
        left, right = canvas.subplots(1, 2)
        on_devices = 0
        for one in drawn:
            colour = DIGITAL if one.saturation_N is None else COLOURS[on_devices % len(COLOURS)]
            on_devices += one.saturation_N is not None
            _fill(left, one.weight_N, (-REACH, REACH), colour, one.label)
            if one.saturation_N is not None:
                _fill(right, one.saturation_N, (0.0, 1.0), colour, one.label)
        left.set_xlabel("Weight")
        right.set_xlabel("Saturation |w| / bound of the device")
        for ax in (left, right):
            ax.set_ylabel("Density")
            ax.set_ylim(bottom=0)
        canvas.suptitle(title, fontsize=9)
        # One legend for both: in the left panel it would lie on the peak.
        handles, labels = left.get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncol=len(labels))
        return canvas


def numbers(drawn: Sequence[Distribution]) -> list[dict[str, object]]:
    """Return what is drawn as rows, one a bin."""
    rows: list[dict[str, object]] = []
    for one in drawn:
        for quantity, value_N, span in (
            ("weight", one.weight_N, (-REACH, REACH)),
            ("saturation", one.saturation_N, (0.0, 1.0)),
        ):
            if value_N is not None:
                density, edges = _density(value_N, span)
                rows += [
                    {"line": one.label, "quantity": quantity, "from": float(a), "to": float(b), "density": float(d)}
                    for a, b, d in zip(edges[:-1], edges[1:], density, strict=True)
                ]
    return rows


def _density(value_N: np.ndarray, span: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the density in each bin of a span, of all values, those beyond it too, and the edges of the bins."""
    counts, edges = np.histogram(value_N, BINS, span)
    return counts / (len(value_N) * (edges[1] - edges[0])), edges


def _fill(ax: "Axes", value_N: np.ndarray, span: tuple[float, float], colour: str, label: str) -> None:
    density, edges = _density(value_N, span)
    ax.stairs(density, edges, fill=True, color=colour, alpha=0.2)
    ax.stairs(density, edges, color=colour, linewidth=0.9, label=label)


def _flat(models: Sequence[dict[str, torch.Tensor]]) -> np.ndarray:
    return torch.cat([tensor.flatten() for layers in models for tensor in layers.values()]).numpy()
