"""Tiki-Taka v1, and residual learning v1, which is the same with gamma > 0: a fast array feeds a slow one.

::

    A ← A − lr_fast g ∘ F(A) − lr_fast |g| ∘ G(A)          g = d xᵀ at W, every sample          (P25 eq 9-11)
    C ← C + lr_transfer A e_j e_jᵀ  by pulses              every transfer_every mini-batches, j = 0, 1, … in turn
    W = gamma A + C

At a critical point the gradient noise pulls A, and not the weight, to its symmetric point: with that point at 0 the
weight drifts by only lr_fast times what Analog SGD drifts by (P24 eq 12), and there is no error floor. With gamma > 0
the fast array holds the residual (W* − C)/gamma.

Papers: Gokmen and Haensch 2020 (arXiv 1909.07908); Wu et al. 2024 (P24, arXiv 2406.12774, where A has the opposite
sign) and 2025 (P25, 2502.06309). AIHWKit counterpart: ``TransferCompound`` of two devices, ``scale_fast_lr=False``.

Axes: R replica, J column of this transfer, O out.
"""

from analogcli.algorithms.fast_and_slow import PlainFastAndSlow
from analogcli.algorithms.transfer import columns_from, read_columns, write_columns
from analogcli.crossbar import Randomness
from analogcli.spec import ResidualLearningV1, TikiTakaV1


class TikiTakaCell(PlainFastAndSlow[TikiTakaV1 | ResidualLearningV1]):
    """A fast array that takes the gradient, a slow array that takes its columns."""

    def _transfer(self, lr: float, randomness: Randomness) -> None:
        spec, (fast, slow), width = self.algorithm, self.arrays, self.shape[2]
        rate = spec.transfer_lr * lr if spec.scale_transfer_lr else spec.transfer_lr
        for columns in columns_from(self.cursor, spec.n_reads_per_transfer, width):
            read_RJO = read_columns(fast, columns, self.read, randomness)
            write_columns(slow, columns, read_RJO, rate, self.write, randomness)
            self.cursor = columns.stop % width
