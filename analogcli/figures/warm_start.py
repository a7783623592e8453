"""The warm start of multi-tile residual learning: which tile is filled in which epoch, and the loss that decides it.

One column a run, of its first model. Above the training loss, with a mark at every plateau; below the tiles, fine to
coarse: tile 0 takes the gradient all the time, one coarse tile is filled, and then all are in the cascade. The stages
follow from the stored losses by the rule of the run, which is what the run itself did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from analogcli.algorithms.warm_start import RULES, Rule, replayed
from analogcli.errors import UsageError
from analogcli.figures.theme import COLOURS, PANEL_INCHES, themed
from analogcli.spec import MultiTileResidual

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analogcli.store import ModelRecord, RunRecord

GRADIENT, FILLED, CASCADE = COLOURS[0], COLOURS[1], COLOURS[2]
MARKED = 40
"""Epochs up to which each of them has a marker."""


@dataclass(frozen=True)
class History:
    """Training losses and stages of one model, epoch by epoch from 1 on."""

    label: str
    rule: Rule
    tiles: int
    losses: list[float]
    stages: list[int]

    @property
    def plateaus(self) -> list[int]:
        """Epochs at whose end the warm start moved on."""
        return [epoch for epoch, (old, new) in enumerate(pairwise(self.stages), start=1) if new > old]


def history(run: "RunRecord", label: str, model: "ModelRecord | None" = None) -> History:
    """Return the warm start of a model, of the run's first if none is named.

    Raises:
        UsageError: the run has none.
    """
    algorithm = run.spec.algorithm
    if not isinstance(algorithm, MultiTileResidual) or algorithm.warm_start == "off":
        raise UsageError(f"run {run.short_id} has no warm start; --of warm-start draws runs of resl that have one")
    epochs = (model or run.models[0]).epochs
    losses = [epoch.train_loss for epoch in epochs if epoch.train_loss is not None]
    rule = RULES[algorithm.warm_start]
    return History(label, rule, algorithm.tiles, losses, replayed(losses, rule, algorithm.tiles))


def draw_warm_starts(histories: Sequence[History]) -> Canvas:
    """Draw the warm starts of several models side by side."""
    with themed():
        canvas = Canvas(figsize=(1.25 * PANEL_INCHES[0] * len(histories), 1.45 * PANEL_INCHES[1]), layout="constrained")
        axes = canvas.subplots(2, len(histories), squeeze=False, sharex="col", height_ratios=(1, 1.1))
        for of, (above, below) in zip(histories, axes.T, strict=True):
            _draw_loss(above, of)
            _draw_tiles(below, of)
            above.set_title(of.label, fontsize=9, wrap=True)
        patches = [
            Patch(color=GRADIENT, label="takes the gradient"),
            Patch(color=FILLED, label="filled from tile 0"),
            Patch(color=CASCADE, label="filled from the next finer tile"),
        ]
        canvas.legend(handles=patches, loc="outside lower center", ncol=3)
        return canvas


def numbers(histories: Sequence[History]) -> list[dict[str, object]]:
    """Return what is drawn as rows, one for each epoch."""
    return [
        {
            "line": of.label,
            "epoch": epoch,
            "train loss": loss,
            "stage": stage,
            "cascade": stage >= of.rule.cascade_from(of.tiles),
            "tiles filled": " ".join(map(str, of.rule.receivers(stage, of.tiles))),
        }
        for of in histories
        for epoch, (loss, stage) in enumerate(zip(of.losses, of.stages, strict=True), start=1)
    ]


def _draw_loss(ax: "Axes", of: History) -> None:
    epochs = range(1, len(of.losses) + 1)
    ax.plot(epochs, of.losses, color="0.3", marker="o" if len(of.losses) <= MARKED else "", markersize=3)
    for epoch in of.plateaus:
        ax.axvline(epoch + 0.5, color="0.5", linestyle=":", linewidth=1)
    ax.set_ylabel("Training loss")


def _draw_tiles(ax: "Axes", of: History) -> None:
    ax.broken_barh([(0.5, len(of.stages))], (-0.4, 0.8), color=GRADIENT)
    for first, last, stage in _spans(of.stages):
        colour = CASCADE if stage >= of.rule.cascade_from(of.tiles) else FILLED
        for tile in of.rule.receivers(stage, of.tiles):
            ax.broken_barh([(first - 0.5, last - first + 1)], (tile - 0.4, 0.8), color=colour)
    for epoch in of.plateaus:
        ax.axvline(epoch + 0.5, color="0.5", linestyle=":", linewidth=1)
    names = {0: "0, fine", of.tiles - 1: f"{of.tiles - 1}, coarse"}
    ax.set_yticks(range(of.tiles), [names.get(tile, str(tile)) for tile in range(of.tiles)])
    ax.set_ylim(-0.7, of.tiles - 0.3)
    ax.set_axisbelow(True)
    ax.set_xlim(0.5, len(of.stages) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.set_ylabel("Tile")
    ax.set_xlabel("Epoch")


def _spans(stages: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return first and last epoch of every stage."""
    found: dict[int, tuple[int, int, int]] = {}
    for epoch, stage in enumerate(stages, start=1):
        found[stage] = (found.get(stage, (epoch,))[0], epoch, stage)
    return list(found.values())
