"""Mixed precision: gradients are summed exactly in digital memory, and whole pulses of the sum are written.

::

    chi ← chi + lr d xᵀ                                                every sample
    n = trunc(chi/g);  chi ← chi − n g;  W ← W − n pulses, row by row  every transfer_every mini-batches

The write is due when the first vector of the next period has been added, as in AIHWKit: it is one vector late, and
what the last mini-batch of a training left in chi is never written. g is the device's granularity unless it is given.

Paper: Nandakumar et al. 2020 (arXiv 2001.11773). AIHWKit counterpart: ``DigitalRankUpdateRPUConfig`` with
``MixedPrecisionCompound``, without quantisation of x and d.

Axes: R replica, B sample (or image patch), O out (row), I in.
"""

import torch
from torch import Tensor

from analogcli.algorithms.compound import Compound
from analogcli.algorithms.transfer import segments, transfer_pulses
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.spec import MixedPrecision, Update

MANAGED = {"update_management": True, "update_bl_management": True}
"""The write of a row always shortens and balances its trains, whatever the update's spec says."""


class MixedPrecisionCell(Compound):
    """One array, and an exact sum of gradients beside it."""

    remembers = ("vectors", "chi_ROI")

    def __init__(self, array: CrossbarArray, algorithm: MixedPrecision, pulses: Update) -> None:
        super().__init__([array], [1.0])
        self.algorithm = algorithm
        self.write = transfer_pulses(pulses, pulses).model_copy(update=MANAGED)
        self.vectors = 0
        """Vectors seen."""
        self.chi_ROI = torch.zeros_like(array.w_ROI)
        """Gradients not yet written, times their learning rates [weight units]."""
        self.granularity = algorithm.granularity or array.granularity
        """Size of the sum that asks for one pulse [weight units]."""

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Add the gradient to the sum, and write when it is time to."""
        batch = x_RBI.shape[1]
        # Counted from the first vector of a period on, a write is due behind that vector.
        for samples, due in segments(self.vectors - 1, batch, [self.algorithm.transfer_every * batch]):
            self.chi_ROI.baddbmm_(d_RBO[:, samples].mT, x_RBI[:, samples], alpha=lr)
            if due and self.vectors + samples.stop > 1:
                self._write(randomness)
        self.vectors += batch
        self.end_update(randomness)

    def _write(self, randomness: Randomness) -> None:
        r, rows, _ = self.shape
        n_ROI = torch.div(self.chi_ROI, self.granularity, rounding_mode="trunc")
        self.chi_ROI.sub_(n_ROI, alpha=self.granularity)
        row_ROO = torch.eye(rows, device=n_ROI.device).expand(r, rows, rows)
        rate = self.granularity * self.algorithm.transfer_lr
        self.arrays[0].pulse(n_ROI, row_ROO, rate, self.write, randomness)
