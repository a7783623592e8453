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

Axes: R replica, B sample (or image patch), O out, I in.
"""

from torch import Tensor

from analogcli.algorithms.compound import Compound
from analogcli.algorithms.transfer import (
    columns_from,
    period,
    read_columns,
    segments,
    transfer_pulses,
    write_columns,
)
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.crossbar.periphery import AnalogRead
from analogcli.spec import ResidualLearningV1, TikiTakaV1, Update


class TikiTakaCell(Compound):
    """A fast array that takes the gradient, a slow array that takes its columns."""

    remembers = ("vectors", "cursor")

    def __init__(
        self, fast: CrossbarArray, slow: CrossbarArray, algorithm: TikiTakaV1 | ResidualLearningV1, pulses: Update
    ) -> None:
        super().__init__([fast, slow], [algorithm.gamma, 1.0])
        self.algorithm = algorithm
        self.pulses = pulses
        self.read = AnalogRead(algorithm.transfer_read)
        self.write = transfer_pulses(algorithm.transfer_update, pulses)
        self.vectors = 0
        """Vectors seen."""
        self.cursor = 0
        """Column to be read next."""

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Send the gradient onto the fast array, and transfer when it is time to."""
        spec, batch = self.algorithm, x_RBI.shape[1]
        every = period(spec.transfer_every, spec.units_in_mbatch, batch)
        for samples, due in segments(self.vectors, batch, [every]):
            self.arrays[0].pulse(x_RBI[:, samples], d_RBO[:, samples], spec.fast_lr or lr, self.pulses, randomness)
            if due:
                self._transfer(lr, randomness)
        self.vectors += batch
        self.end_update(randomness)

    def _transfer(self, lr: float, randomness: Randomness) -> None:
        spec, (fast, slow), width = self.algorithm, self.arrays, self.shape[2]
        rate = spec.transfer_lr * lr if spec.scale_transfer_lr else spec.transfer_lr
        for columns in columns_from(self.cursor, spec.n_reads_per_transfer, width):
            read_RJO = read_columns(fast, columns, self.read, randomness)
            write_columns(slow, columns, read_RJO, rate, self.write, randomness)
            self.cursor = columns.stop % width
