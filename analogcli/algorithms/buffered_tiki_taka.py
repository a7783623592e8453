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

Axes: R replica, J column of this transfer, O out, I in.
"""

import torch

from analogcli.algorithms.buffer import fire
from analogcli.algorithms.fast_and_slow import PlainFastAndSlow
from analogcli.algorithms.transfer import columns_from, read_columns, write_columns
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.spec import BufferedTikiTaka, Update


class BufferedTikiTakaCell(PlainFastAndSlow[BufferedTikiTaka]):
    """A fast array, a digital buffer, and a slow array that takes whole pulses."""

    remembers = (*PlainFastAndSlow.remembers, "buffer_RIO")

    def __init__(self, fast: CrossbarArray, slow: CrossbarArray, algorithm: BufferedTikiTaka, pulses: Update) -> None:
        super().__init__(fast, slow, algorithm, pulses)
        self.buffer_RIO = torch.zeros_like(slow.w_ROI.mT, memory_format=torch.contiguous_format)
        """H, transposed [weight units]."""

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
