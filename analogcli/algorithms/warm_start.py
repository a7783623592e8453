"""Warm start of multi-tile residual learning: which tile is filled now, and when the loss asks for the next one.

::

    stage 0, 1, …, n−2   tile 0 goes straight to tile n−1−stage                          (tile 0 fine, n−1 coarse)
    then                 the cascade, for good; the scripts need one plateau more, during which nothing is transferred
    plateau, the first 4 times    loss[-1] − loss[-2] > aggressive
    plateau, afterwards           at least 2 of the last 5 differences of the loss are above mild

The loss is the mean training loss of an epoch.

===========  ===========  ==========  =========================  ================  ============================
variant      aggressive   mild        history after a plateau    plateaus needed   period of the transfer
===========  ===========  ==========  =========================  ================  ============================
paper        0            0           kept                       n − 1             T_0, that of the cascade
code-mnist   1e-4         −0.01       cleared                    n                 T_1, the second entry
code-cifar   1e-4         1e-4        cleared                    n                 T_1, the second entry
===========  ===========  ==========  =========================  ================  ============================

Paper: Li et al. 2025 (arXiv 2510.02516, algorithm 1); code: the CPU path of its release. The GPU path differs (there
tile 0 goes to tile 1 all the time, and tile 1 to the tile that is filled) and is not what the paper describes.

Axes: R replica, L epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

AGGRESSIVE_PLATEAUS = 4
WINDOW = 5
VIOLATIONS = 2


@dataclass(frozen=True)
class Rule:
    """When the loss counts as a plateau, and what follows."""

    aggressive: float
    """The first plateaus: the loss grew by more than this."""
    mild: float
    """Later ones: among the last differences of the loss, enough are above this."""
    clears_history: bool
    """Whether a plateau begins a new history."""
    extra_plateaus: int
    """Plateaus between the last tile and the cascade."""
    period_entry: int
    """Tile whose period the transfers of the warm start have."""

    def cascade_from(self, tiles: int) -> int:
        """Return the stage in which the cascade begins."""
        return tiles - 1 + self.extra_plateaus

    def receivers(self, stage: int, tiles: int) -> list[int]:
        """Return the tiles that others are transferred to in a stage."""
        if stage >= self.cascade_from(tiles):
            return list(range(1, tiles))
        return [tiles - 1 - stage] if stage < tiles - 1 else []


RULES: dict[str, Rule] = {
    "paper": Rule(0.0, 0.0, clears_history=False, extra_plateaus=0, period_entry=0),
    "code-mnist": Rule(1e-4, -0.01, clears_history=True, extra_plateaus=1, period_entry=1),
    "code-cifar": Rule(1e-4, 1e-4, clears_history=True, extra_plateaus=1, period_entry=1),
}


def plateau(losses: list[float], plateaus_before: int, rule: Rule) -> bool:
    """Return whether the loss history of one model calls for the next tile."""
    growth = [new - old for old, new in pairwise(losses)]
    if plateaus_before < AGGRESSIVE_PLATEAUS:
        return bool(growth) and growth[-1] > rule.aggressive
    return len(growth) >= WINDOW and sum(g > rule.mild for g in growth[-WINDOW:]) >= VIOLATIONS


class WarmStart:
    """Stage and loss history of R arrays; those of one model have the same loss and move together."""

    def __init__(self, rule: Rule, tiles: int, arrays: int) -> None:
        self.rule = rule
        self.tiles = tiles
        self.stage_R = torch.zeros(arrays, dtype=torch.int64)
        """Plateaus seen."""
        self.start_R = torch.zeros(arrays, dtype=torch.int64)
        """Epoch at which the present history begins."""
        self.history_RL = torch.zeros(arrays, 0, dtype=torch.float64)
        """Training losses of all epochs."""

    @property
    def target_R(self) -> Tensor:
        """Tile that tile 0 is transferred to [R]; 0 and below: none."""
        return self.tiles - 1 - self.stage_R

    @property
    def in_cascade_R(self) -> Tensor:
        """Which models have begun the cascade [R]."""
        return self.stage_R >= self.rule.cascade_from(self.tiles)

    def forget(self) -> None:
        """Begin anew."""
        self.stage_R.zero_()
        self.start_R.zero_()
        self.history_RL = self.history_RL[:, :0]

    def end_of_epoch(self, train_loss_R: Tensor) -> None:
        """Append one loss for each model, repeated over its arrays, and move on where it is a plateau."""
        loss_R = train_loss_R.detach().to("cpu", torch.float64).reshape(-1)
        loss_R = loss_R.repeat_interleave(len(self.stage_R) // len(loss_R))
        self.history_RL = torch.cat([self.history_RL, loss_R[:, None]], dim=1)
        for r, cascade in enumerate(self.in_cascade_R.tolist()):
            losses = self.history_RL[r, int(self.start_R[r]) :].tolist()
            if not cascade and plateau(losses, int(self.stage_R[r]), self.rule):
                self.stage_R[r] += 1
                if self.rule.clears_history:
                    self.start_R[r] = self.history_RL.shape[1]

    def state_dict(self) -> dict[str, Tensor]:
        """Return the stage and the history of every model."""
        return {"stage": self.stage_R.clone(), "start": self.start_R.clone(), "history": self.history_RL.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        self.stage_R = state["stage"].to("cpu", copy=True)
        self.start_R = state["start"].to("cpu", copy=True)
        self.history_RL = state["history"].to("cpu", copy=True)


def replayed(losses: Sequence[float], rule: Rule, tiles: int) -> list[int]:
    """Return the stage that a model is in during each epoch, from the training losses of its epochs."""
    warm, stages = WarmStart(rule, tiles, arrays=1), []
    for loss in losses:
        stages.append(int(warm.stage_R))
        warm.end_of_epoch(torch.tensor([loss], dtype=torch.float64))
    return stages
