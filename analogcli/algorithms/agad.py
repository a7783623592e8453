"""AGAD (scripts: TT-v4): chopped Tiki-Taka whose reference is learnt at every flip of the chopper.

::

    A_j ← pulses of lr_fast c_j d x_j                                             every sample, c_j = ±1
    at a transfer of column j, in turn, with ω = A e_j:
        if c_j flipped after the last read:  p_j ← m_j                            reference: where A stood then
        H_j ← H_j + c_j lr_transfer (ω − p_j)/thr
        m_j ← (1 − β) m_j + β ω                                                   recent mean of A, never reset
        n = clip(trunc(H_j), ±BL);  C_j ← n pulses (after the first n_s sweeps);  H_j loses n in any case
        c_j flips after every n_s-th sweep
    n_s = max(⌈1/in_chop_prob⌉, 2),  β = min(tail_weightening/n_s, 1)

No reference array is needed and A need not have its symmetric point at 0.

Paper: Rasch et al. 2024 (Nature Communications 15:7133). AIHWKit counterpart: ``DynamicTransferCompound`` without its
experimental options, buffer_cap and choppers on the outputs. As there, ``in_chop_random`` adds random flips to the
regular ones.

Axes: R replica, B sample (or image patch), J column of this transfer, O out, I in.
"""

import torch
from torch import Tensor

from analogcli.algorithms import kernels_chopped
from analogcli.algorithms.chopped_tiki_taka import ChoppedTikiTakaCell
from analogcli.algorithms.choppers import random_flips
from analogcli.algorithms.transfer import read_columns
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.spec import Agad, Update


class AgadCell(ChoppedTikiTakaCell):
    """A fast array behind choppers whose reference is learnt, a digital buffer, and a slow array."""

    remembers = (*ChoppedTikiTakaCell.remembers, "mean_RIO", "past_RIO", "switched_RI")

    def __init__(self, fast: CrossbarArray, slow: CrossbarArray, algorithm: Agad, pulses: Update) -> None:
        super().__init__(fast, slow, algorithm, pulses)
        self.agad = algorithm
        self.beta = min(algorithm.tail_weightening / self.chop_period, 1.0)
        """Weight of a read in the recent mean."""
        self.mean_RIO = torch.zeros_like(self.buffer_RIO)
        """Recent mean of what was read of A, transposed [weight units]."""
        self.past_RIO = torch.zeros_like(self.buffer_RIO)
        """Reference: the mean at the last flip, transposed [weight units]."""
        self.switched_RI = torch.zeros_like(self.chopper_RI, dtype=torch.bool)
        """Whether the chopper of a column flipped after its last read."""

    def _chops(self) -> kernels_chopped.Chops:
        spec = self.agad
        return kernels_chopped.Chops(spec.in_chop_prob * spec.in_chop_random, self.chop_period, True, self.beta)

    def _reference(self) -> kernels_chopped.Reference:
        return self.mean_RIO.numpy(), self.past_RIO.numpy(), self.switched_RI.numpy()

    def _transfer(self, gain_R1: Tensor, randomness: Randomness) -> None:
        column = slice(self.cursor, self.cursor + 1)
        read_RJO = read_columns(self.arrays[0], column, self.read, randomness)
        past_RJO, mean_RJO = self.past_RIO[:, column], self.mean_RIO[:, column]
        torch.where(self.switched_RI[:, column, None], mean_RJO, past_RJO, out=past_RJO)
        signed_R11 = (self.chopper_RI[:, column] * gain_R1)[..., None]
        h_RJO = self.buffer_RIO[:, column].add_((read_RJO - past_RJO) * signed_R11)
        mean_RJO.lerp_(read_RJO, self.beta)
        n_RJO = self._fire(h_RJO)
        if self.sweeps > self.chop_period:
            self._write(column, n_RJO, randomness)
        self._flip(column, randomness)
        self._advance()

    def _flip(self, column: slice, randomness: Randomness) -> None:
        if self.sweeps % self.chop_period == self.chop_period - 1:
            flip_R1 = -torch.ones_like(self.chopper_RI[:, column])
        elif self.agad.in_chop_random:
            flip_R1 = random_flips(self.shape[0], self.agad.in_chop_prob, randomness)
        else:
            flip_R1 = torch.ones_like(self.chopper_RI[:, column])
        self.chopper_RI[:, column].mul_(flip_R1)
        self.switched_RI[:, column] = flip_R1 < 0
