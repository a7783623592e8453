"""Residual learning v2: the fast array is part of the weight, and a leaky buffer feeds the slow one pulse by pulse.

::

    A ← A − lr_fast g ∘ F(A) − lr_fast |g| ∘ G(A)                  g at W = gamma A + C, every sample    (P25 eq 9)
    H_j ← (1 − β) H_j + β lr_transfer A e_j                        every transfer, j = 0, 1, … in turn   (P25 eq 14)
    where |H_j| ≥ thr:  C_j ← one pulse of sign(H_j);  H_j ← H_j − sign(H_j) thr                          (P25 eq 15)

β = 1 − momentum. With lr_transfer = 1 and thr = Δw_min (the defaults but for transfer_lr) this is the rule of the
paper; the scripts set thr with ``auto_granularity`` as for Tiki-Taka v2. The leak lets the buffer forget the noise of
A's devices and of the read; v1 is :mod:`.tiki_taka` with gamma > 0.

Paper: Wu et al. 2025 (P25, arXiv 2502.06309). AIHWKit counterpart: none. The scripts use ``ChoppedTransferCompound``
with ``buffer_as_momentum``, which is in no release; what it does there is inferred from the paper's equations.

Axes: R replica, J column of this transfer, O out, I in.
"""

import torch

from analogcli.algorithms.buffer import fire, threshold
from analogcli.algorithms.fast_and_slow import PlainFastAndSlow
from analogcli.algorithms.transfer import read_columns, write_columns
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.spec import ResidualLearningV2, Update


class ResidualLearningCell(PlainFastAndSlow[ResidualLearningV2]):
    """A visible fast array, a leaky buffer, and a slow array that takes single pulses."""

    remembers = (*PlainFastAndSlow.remembers, "buffer_RIO")

    def __init__(self, fast: CrossbarArray, slow: CrossbarArray, algorithm: ResidualLearningV2, pulses: Update) -> None:
        super().__init__(fast, slow, algorithm, pulses)
        self.buffer_RIO = torch.zeros_like(slow.w_ROI.mT, memory_format=torch.contiguous_format)
        """H, transposed [thresholds]."""
        sweep = self.shape[2] * algorithm.transfer_every
        granularity = threshold(fast.granularity, algorithm.buffer_granularity, algorithm.auto_granularity, sweep)
        self.gain = (1 - algorithm.momentum) * algorithm.transfer_lr / granularity
        """What a read adds to the buffer [thresholds for each weight unit]."""

    def fast_lr(self, lr: float) -> float:
        """Return the learning rate of the gradient, relative to ``lr`` if the algorithm says so."""
        spec = self.algorithm
        return (spec.fast_lr * lr if spec.scale_fast_lr else spec.fast_lr) or lr

    def _transfer(self, lr: float, randomness: Randomness) -> None:
        spec, (fast, slow) = self.algorithm, self.arrays
        column = slice(self.cursor, self.cursor + 1)
        h_RJO = self.buffer_RIO[:, column].mul_(spec.momentum)
        gain = self.gain * lr if spec.scale_transfer_lr else self.gain
        h_RJO.add_(read_columns(fast, column, self.read, randomness), alpha=gain)
        n_RJO = fire(h_RJO, 1.0, most=1, momentum=0.0, forget=False)
        write_columns(slow, column, n_RJO, slow.granularity, self.write, randomness)
        self.cursor = column.stop % self.shape[2]
