"""Tiki-Taka v2: what is read from the fast array is summed digitally, and written in whole pulses.

::

    A ← pulses of lr_fast d xᵀ                                                    every sample
    H_j ← H_j + lr_transfer A e_j                                                 every transfer, j = 0, 1, … in turn
    n = clip(trunc(H_j/thr), ±BL),  thr = thres_scale Δw_min of C;  C_j ← n pulses;  H_j loses what was written
    W = gamma A + C            lr_transfer times gamma if gamma > 0, so that H is in units of W

The buffer is a low-pass filter against the noise of A's devices and of the read. Here it is in weight units; the
other Tiki-Taka v2 of the papers, in units of pulses, is :mod:`.chopped_tiki_taka` without choppers.

Papers: Gokmen 2021 (arXiv 2105.09439). AIHWKit counterpart: ``BufferedTransferCompound`` with ``scale_fast_lr=False``;
unlike there, the buffer is forgotten when weights are set.

Axes: R replica, B sample (or image patch), J column of this transfer, O out, I in.
"""

import torch
from torch import Tensor

from analogcli.algorithms.buffer import fire
from analogcli.algorithms.compound import Compound
from analogcli.algorithms.transfer import columns_from, period, read_columns, segments, transfer_pulses, write_columns
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.crossbar.periphery import AnalogRead
from analogcli.spec import BufferedTikiTaka, Update


class BufferedTikiTakaCell(Compound):
    """A fast array, a digital buffer, and a slow array that takes whole pulses."""

    remembers = ("vectors", "cursor", "buffer_RIO")

    def __init__(self, fast: CrossbarArray, slow: CrossbarArray, algorithm: BufferedTikiTaka, pulses: Update) -> None:
        super().__init__([fast, slow], [algorithm.gamma, 1.0])
        self.algorithm = algorithm
        self.pulses = pulses
        self.read = AnalogRead(algorithm.transfer_read)
        self.write = transfer_pulses(algorithm.transfer_update, pulses)
        self.vectors = 0
        """Vectors seen."""
        self.cursor = 0
        """Column to be read next."""
        self.buffer_RIO = torch.zeros_like(slow.w_ROI.mT, memory_format=torch.contiguous_format)
        """H, transposed [weight units]."""

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
        rate = spec.transfer_lr * (lr if spec.scale_transfer_lr else 1.0) * (spec.gamma or 1.0)
        for columns in columns_from(self.cursor, spec.n_reads_per_transfer, width):
            h_RJO = self.buffer_RIO[:, columns]
            h_RJO.add_(read_columns(fast, columns, self.read, randomness), alpha=rate)
            most = spec.transfer_update.desired_bl
            n_RJO = fire(h_RJO, spec.thres_scale * slow.granularity, most, spec.momentum, spec.forget_buffer)
            write_columns(slow, columns, n_RJO, slow.granularity, self.write, randomness)
            self.cursor = columns.stop % width
