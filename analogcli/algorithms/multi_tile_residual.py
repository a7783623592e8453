"""Multi-tile residual learning: a cascade of arrays of few states, each learning what the coarser ones cannot hold.

::

    W = Σ_i gamma_i W_i,   gamma_i = γ^(n−1−i)             tile 0 fine, tile n−1 coarse (the paper counts down: its N
                                                           is our 0, its 0 our n−1)
    W_0     ← W_0 − lr_fast g ∘ F(W_0) − lr_fast |g| ∘ G(W_0)                     every sample
    W_(i+1) ← W_(i+1) + lr_i W_i e_j e_jᵀ  by pulses                              every T_i mini-batches, j in turn
    T_i = base · ratio^i

Warm start (:mod:`.warm_start`): before the cascade begins, tile 0 is transferred straight to one coarse tile after
the other, from tile n−1 on to tile 1; a plateau of the epoch losses moves on to the next tile, and at last to the
cascade, once and for good. Every model follows its own loss.

Paper: Li et al. 2025 (arXiv 2510.02516, algorithm 1). AIHWKit counterpart: ``TransferCompound`` of n devices with
``gamma_vec``, ``transfer_every_vec``, ``transfer_lr_vec`` and ``scale_fast_lr=False``; it has no warm start.

Axes: R replica, B sample (or image patch), J column of this transfer, O out, I in.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from analogcli.algorithms.compound import Compound
from analogcli.algorithms.transfer import (
    columns_from,
    period,
    read_columns,
    segments,
    skip_write,
    transfer_pulses,
    write_columns,
)
from analogcli.algorithms.warm_start import RULES, WarmStart
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.crossbar.periphery import AnalogRead
from analogcli.spec import MultiTileResidual, Update


class MultiTileResidualCell(Compound):
    """Tiles from fine to coarse, one cursor for each, and the stage of every model's warm start."""

    remembers = ("vectors",)

    def __init__(self, arrays: Sequence[CrossbarArray], algorithm: MultiTileResidual, pulses: Update) -> None:
        super().__init__(arrays, algorithm.gammas)
        self.algorithm = algorithm
        self.pulses = pulses
        self.read = AnalogRead(algorithm.transfer_read)
        self.write = transfer_pulses(algorithm.transfer_update, pulses)
        self.vectors = 0
        """Vectors seen."""
        self.cursors = [0] * algorithm.tiles
        """Column of every tile to be read next in the cascade; the last one is that of tile 0 in the warm start."""
        rule = RULES.get(algorithm.warm_start)
        self.warm_start = WarmStart(rule, algorithm.tiles, self.shape[0]) if rule else None

    def forget(self) -> None:
        """Set counters and cursors to 0 and begin the warm start anew."""
        super().forget()
        self.cursors = [0] * self.algorithm.tiles
        if self.warm_start:
            self.warm_start.forget()

    def end_of_epoch(self, train_loss_R: Tensor) -> None:
        """Look at the training loss of each model [R] after an epoch: a plateau moves the warm start on."""
        if self.warm_start:
            self.warm_start.end_of_epoch(train_loss_R)

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Send the gradient onto tile 0, and transfer between the tiles when it is time to."""
        spec, batch = self.algorithm, x_RBI.shape[1]
        periods = [period(every, spec.units_in_mbatch, batch) for every in spec.periods]
        if self.warm_start:
            periods.append(periods[min(self.warm_start.rule.period_entry, len(periods) - 1)])
        for samples, due in segments(self.vectors, batch, periods):
            self.arrays[0].pulse(x_RBI[:, samples], d_RBO[:, samples], spec.fast_lr or lr, self.pulses, randomness)
            for number in due:
                if number == spec.tiles - 1:
                    self._warm_transfer(lr, randomness)
                else:
                    self._transfer(number, lr, randomness)
        self.vectors += batch
        self.end_update(randomness)

    def _transfer(self, source: int, lr: float, randomness: Randomness) -> None:
        """Send the next columns of tile ``source`` to the next coarser one, for the models in the cascade."""
        models_R = self.warm_start.in_cascade_R if self.warm_start else None
        self._send(source, {source + 1: models_R}, source, lr, randomness)

    def _warm_transfer(self, lr: float, randomness: Randomness) -> None:
        """Send the next columns of tile 0 to the tile that each model's warm start has come to."""
        assert self.warm_start is not None
        targets = {tile: self.warm_start.target_R == tile for tile in range(1, self.algorithm.tiles)}
        self._send(0, targets, self.algorithm.tiles - 1, lr, randomness)

    def _send(
        self, source: int, targets: Mapping[int, Tensor | None], cursor: int, lr: float, randomness: Randomness
    ) -> None:
        """Write the columns at ``cursor`` of ``source`` onto ``targets``, each for its models (None: for all)."""
        spec, width = self.algorithm, self.shape[2]
        rate = spec.transfer_lrs[source] * (lr if spec.scale_transfer_lr else 1.0)
        for columns in columns_from(self.cursors[cursor], spec.n_reads_per_transfer, width):
            read_RJO = read_columns(self.arrays[source], columns, self.read, randomness)
            for tile, models_R in targets.items():
                if models_R is None or bool(models_R.all()):
                    write_columns(self.arrays[tile], columns, read_RJO, rate, self.write, randomness)
                elif bool(models_R.any()):
                    masked_RJO = read_RJO * models_R.to(read_RJO)[:, None, None]
                    write_columns(self.arrays[tile], columns, masked_RJO, rate, self.write, randomness)
                else:
                    skip_write(self.arrays[tile], rate, self.write, randomness)
            self.cursors[cursor] = columns.stop % width

    def state_dict(self) -> dict[str, Tensor]:
        """Return the arrays, the cursors and the warm start."""
        state = super().state_dict() | {f"cursor{i}": torch.tensor(c) for i, c in enumerate(self.cursors)}
        if self.warm_start:
            state |= {f"warm_start.{k}": v for k, v in self.warm_start.state_dict().items()}
        return state

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        super().load_state_dict(state)
        self.cursors = [int(state[f"cursor{i}"]) for i in range(self.algorithm.tiles)]
        if self.warm_start:
            prefix = "warm_start."
            self.warm_start.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if prefix in k})
