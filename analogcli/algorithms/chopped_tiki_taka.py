"""Chopped Tiki-Taka v2 (c-TTv2, scripts: TT-v3), and Tiki-Taka v2 as the papers use it, which is the same unchopped.

::

    A_j ← pulses of lr_fast c_j d x_j                                             every sample, c_j = ±1
    H_j ← H_j + c_j lr_transfer A e_j / thr                                       every transfer, j = 0, 1, … in turn
    n = clip(trunc(H_j), ±BL);  C_j ← n pulses;  H_j loses what was written;  then c_j flips by chance or regularly
    thr = buffer_granularity Δw_min of A · [auto_granularity/(columns · transfer_every)]
    W = gamma c ∘ A + C        lr_transfer times gamma if gamma > 0

The sign c takes out what A shows without a gradient, an offset of its symmetric point; that part of H averages out.

Papers: Rasch et al. 2024 (Nature Communications 15:7133). AIHWKit counterpart: ``ChoppedTransferCompound`` without
choppers on the outputs; its ``build_config("ttv2")`` and ``TTv2*Preset`` are it with in_chop_prob = 0. Every c starts
at +1, as there. Its version 1.2.0 undoes the choppers of W at the wrong places if gamma > 0, and 1.1.0 refuses that.

Axes: R replica, B sample (or image patch), J column of this transfer, O out, I in.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor

from analogcli.algorithms import kernels_chopped
from analogcli.algorithms.auto_scale import automatic_rates, running_mean
from analogcli.algorithms.buffer import fire, threshold
from analogcli.algorithms.choppers import random_flips
from analogcli.algorithms.fast_and_slow import FastAndSlow
from analogcli.algorithms.transfer import period, read_columns, segments, write_columns
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.spec import Agad, ChoppedTikiTaka, TikiTakaV2Chopped, Update

AnyChopped = TikiTakaV2Chopped | ChoppedTikiTaka | Agad


class ChoppedTikiTakaCell(FastAndSlow[AnyChopped]):
    """A fast array behind choppers, a digital buffer in pulses, and a slow array that takes whole pulses."""

    remembers: ClassVar[tuple[str, ...]] = (
        *FastAndSlow.remembers,
        "sweeps",
        "chopper_RI",
        "buffer_RIO",
        "x_mean_R",
        "d_mean_R",
    )

    def __init__(self, fast: CrossbarArray, slow: CrossbarArray, algorithm: AnyChopped, pulses: Update) -> None:
        super().__init__(fast, slow, algorithm, pulses)
        r, _, width = self.shape
        sweep = width * algorithm.transfer_every
        self.threshold = threshold(fast.granularity, algorithm.buffer_granularity, algorithm.auto_granularity, sweep)
        """Sum of reads that asks for one pulse [weight units of A]."""
        chop_prob = 0.0 if isinstance(algorithm, TikiTakaV2Chopped) else algorithm.in_chop_prob
        self.chop_period = max(math.ceil(1 / chop_prob), 2) if chop_prob else 0
        """Sweeps between regular flips; 0: no choppers."""
        self.sweeps = 0
        """How often all columns were read."""
        self.chopper_RI = slow.w_ROI.new_ones(r, width)
        """Sign of every column."""
        self.buffer_RIO = torch.zeros_like(slow.w_ROI.mT, memory_format=torch.contiguous_format)
        """H, transposed [pulses]."""
        self.x_mean_R = slow.w_ROI.new_zeros(r)
        """Running mean of max|x| (auto_scale)."""
        self.d_mean_R = slow.w_ROI.new_zeros(r)
        """Running mean of max|d| (auto_scale)."""

    def forget(self) -> None:
        """Set buffer, counters and choppers to their first values."""
        super().forget()
        self.chopper_RI.fill_(1)

    def mix(self) -> None:
        """Bring the visible weights up to date; the choppers are undone."""
        if not self._hidden:
            fast, slow = self.arrays
            chopped_RI = self.gammas[0] * self.chopper_RI
            torch.addcmul(slow.seen_ROI, fast.seen_ROI, chopped_RI[:, None], out=self._visible_ROI)

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Send the gradient onto the fast array, and transfer when it is time to."""
        spec, batch = self.algorithm, x_RBI.shape[1]
        every = period(spec.transfer_every, spec.units_in_mbatch, batch)
        if spec.auto_scale and spec.fast_lr:
            rate_RB = self._automatic_rates(x_RBI, d_RBO)
        else:
            rate_RB = x_RBI.new_full(x_RBI.shape[:2], self.fast_lr(lr))
        if 0 < every < batch and self._can_be_compiled(x_RBI):
            self._learn_in_one_loop(x_RBI, d_RBO, lr, rate_RB, every, randomness)
        else:
            self._learn_in_segments(x_RBI, d_RBO, lr, rate_RB, every, randomness)
        self.vectors += batch
        self.end_update(randomness)

    def _learn_in_segments(
        self, x_RBI: Tensor, d_RBO: Tensor, lr: float, rate_RB: Tensor, every: int, randomness: Randomness
    ) -> None:
        """Send the samples between two transfers together; works everywhere."""
        spec, fast_lr = self.algorithm, self.fast_lr(lr)
        if spec.auto_scale and spec.fast_lr:
            # Half of a sample's own rate goes into each of its factors, which leaves the trains as they should be.
            half_RB1 = rate_RB.sqrt()[..., None]
            x_RBI, d_RBO, fast_lr = x_RBI * half_RB1, d_RBO * half_RB1, 1.0
        for samples, due in segments(self.vectors, x_RBI.shape[1], [every]):
            chopped_RBI = x_RBI[:, samples] * self.chopper_RI[:, None]
            self.arrays[0].pulse(chopped_RBI, d_RBO[:, samples], fast_lr, self.pulses, randomness)
            if due:
                self._transfer(self._gain(lr, rate_RB[:, samples.stop - 1 : samples.stop]), randomness)

    def _learn_in_one_loop(
        self, x_RBI: Tensor, d_RBO: Tensor, lr: float, rate_RB: Tensor, every: int, randomness: Randomness
    ) -> None:
        """Do the same compiled, vector by vector (:mod:`.kernels_chopped`)."""
        spec, (fast, slow) = self.algorithm, self.arrays
        buffer = kernels_chopped.Buffer(float(spec.transfer_update.desired_bl), spec.momentum, spec.forget_buffer)
        kernels_chopped.learn_vectors(fast.law.table.formula)(
            kernels_chopped.devices_of(fast),
            kernels_chopped.devices_of(slow),
            kernels_chopped.trains_of(self.pulses),
            kernels_chopped.trains_of(self.write),
            kernels_chopped.converters_of(spec.transfer_read),
            buffer,
            self._chops(),
            x_RBI.contiguous().numpy(),
            d_RBO.contiguous().numpy(),
            (rate_RB / fast.granularity).numpy(),
            self._gain(lr, rate_RB).expand_as(rate_RB).contiguous().numpy(),
            every,
            self.vectors,
            self.cursor,
            self.sweeps,
            randomness.keys(self.shape[0]),
            self.chopper_RI.numpy(),
            self.buffer_RIO.numpy(),
            *self._reference(),
        )
        reads = len(range(every - self.vectors % every, x_RBI.shape[1] + 1, every))
        sweeps, self.cursor = divmod(self.cursor + reads, self.shape[2])
        self.sweeps += sweeps

    def _can_be_compiled(self, x_RBI: Tensor) -> bool:
        spec = self.algorithm
        trains = {self.pulses.pulse_type, self.write.pulse_type} == {"stochastic-compressed"}
        pulsed = self.pulses.drawn and not self.arrays[0].law.ideal
        return x_RBI.device.type == "cpu" and trains and pulsed and not spec.transfer_read.inp_noise

    def _chops(self) -> kernels_chopped.Chops:
        """Return when choppers flip, for the compiled loop."""
        spec = self.algorithm
        random = spec.in_chop_prob if isinstance(spec, ChoppedTikiTaka) and spec.in_chop_random else 0.0
        return kernels_chopped.Chops(random, self.chop_period, False, 0.0)

    def _reference(self) -> kernels_chopped.Reference:
        """Return what AGAD remembers beside, for the compiled loop."""
        return kernels_chopped.NO_REFERENCE

    def _transfer(self, gain_R1: Tensor, randomness: Randomness) -> None:
        """Read, buffer and write the next column; ``gain_R1`` takes a read to pulses."""
        column = slice(self.cursor, self.cursor + 1)
        read_RJO = read_columns(self.arrays[0], column, self.read, randomness)
        h_RJO = self.buffer_RIO[:, column].add_(read_RJO * (self.chopper_RI[:, column] * gain_R1)[..., None])
        self._write(column, self._fire(h_RJO), randomness)
        self._flip(column, randomness)
        self._advance()

    def _gain(self, lr: float, rate_RB: Tensor) -> Tensor:
        """Return what a read behind each vector is multiplied with [pulses for each weight unit], [R, B]."""
        spec, (fast, slow) = self.algorithm, self.arrays
        gain = spec.transfer_lr * (lr if spec.scale_transfer_lr else 1.0) * (spec.gamma or 1.0) / self.threshold
        if spec.correct_gradient_magnitudes:
            return gain * (fast.granularity / slow.granularity) / rate_RB
        return rate_RB.new_tensor(gain)

    def _fire(self, h_RJO: Tensor) -> Tensor:
        spec = self.algorithm
        return fire(h_RJO, 1.0, spec.transfer_update.desired_bl, spec.momentum, spec.forget_buffer)

    def _write(self, column: slice, n_RJO: Tensor, randomness: Randomness) -> None:
        slow = self.arrays[1]
        write_columns(slow, column, n_RJO, slow.granularity, self.write, randomness)

    def _flip(self, column: slice, randomness: Randomness) -> None:
        spec = self.algorithm
        if isinstance(spec, ChoppedTikiTaka) and spec.in_chop_random:
            self.chopper_RI[:, column].mul_(random_flips(self.shape[0], spec.in_chop_prob, randomness))
        elif self.chop_period and self.sweeps % self.chop_period == self.chop_period - 1:
            self.chopper_RI[:, column].neg_()

    def _advance(self) -> None:
        self.cursor += 1
        if self.cursor == self.shape[2]:
            self.cursor = 0
            self.sweeps += 1

    def _automatic_rates(self, x_RBI: Tensor, d_RBO: Tensor) -> Tensor:
        """Return the learning rate of every vector [R, B], and move the running means on."""
        spec = self.algorithm
        step = (1 - spec.auto_momentum) / x_RBI.shape[1]
        x_mean_RB = running_mean(self.x_mean_R, x_RBI.abs().amax(dim=2), step)
        d_mean_RB = running_mean(self.d_mean_R, d_RBO.abs().amax(dim=2), step)
        self.x_mean_R.copy_(x_mean_RB[:, -1])
        self.d_mean_R.copy_(d_mean_RB[:, -1])
        full_train = spec.fast_lr * self.pulses.desired_bl * self.arrays[0].granularity
        return automatic_rates(full_train, x_mean_RB, d_mean_RB)
