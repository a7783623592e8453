"""Crossbar arrays: devices that hold weights and move by pulses. What algorithms are made of.

::

    pulse           w ← w − lr Σ d xᵀ as far as the devices follow        at the fidelity of the update's spec
    set_weights     w ← clip(w)
    reset           w ← clip(b + reset_std ξ)                             b the reset value of each device
    decay           w ← clip((w − b)(1 − 1/t) + b)                        t the lifetime of each device [mini-batches]

An array is R arrays of one shape, one for each model that is trained, and for each group of a convolution. ``w_ROI`` is
what the devices hold and what pulses act on; ``seen_ROI`` is what reads see, which differs from it by the write noise.
AIHWKit twin: a simple device with its weights (persistent and apparent).

Axes: R replica, B sample (or image patch), O out (row), I in (column).
"""

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.randomness import Randomness
from analogcli.crossbar.update import update
from analogcli.spec import Pulses


class CrossbarArray:
    """R arrays of the devices in ``law``; weights start at 0, clipped to the bounds."""

    def __init__(self, law: ResponseLaw) -> None:
        self.law = law
        self.w_ROI = law.clip(torch.zeros_like(law.upper_ROI)).contiguous()
        """Weights on the devices [weight units]; contiguous, changed in place."""
        self.seen_ROI = self.w_ROI.clone() if law.write_noise else self.w_ROI
        """Weights that reads see; the same tensor where there is no write noise."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """R, O, I."""
        r, o, i = self.w_ROI.shape
        return r, o, i

    @property
    def granularity(self) -> float:
        """Size of one pulse of the mean device at its symmetric point [weight units]."""
        return self.law.granularity

    def saturation(self) -> Tensor:
        """Return how far each device [R, O, I] is towards its bound: |w|/w_max or |w|/|w_min|; 0 if stuck at 0."""
        bound_ROI = torch.where(self.w_ROI >= 0, self.law.upper_ROI, self.law.lower_ROI)
        return (self.w_ROI / bound_ROI).nan_to_num(0.0)

    def set_weights(self, w_ROI: Tensor, randomness: Randomness) -> None:
        """Write weights; what lies beyond a device's bounds is clipped."""
        self.w_ROI.copy_(self.law.clip(w_ROI.to(self.w_ROI)))
        self._write_noise(slice(None), randomness)

    def pulse(
        self,
        x_RBI: Tensor,
        d_RBO: Tensor,
        lr: float,
        pulses: Pulses,
        randomness: Randomness,
        *,
        rows: slice = slice(None),
        columns: slice = slice(None),
    ) -> None:
        """Send the pulse trains that ask for −lr d xᵀ of every sample, in order.

        ``rows`` and ``columns`` name the part of the array that ``d`` and ``x`` belong to; the rest gets no pulse.
        A negative ``lr`` asks for +|lr| d xᵀ.
        """
        update(self, x_RBI, d_RBO, lr, pulses, randomness, rows, columns)

    def reset(self, columns: slice, randomness: Randomness) -> None:
        """Set whole columns back to each device's reset value, give or take the device's ``reset_std``."""
        to_ROI = self._reset_value()[..., columns]
        if self.law.spec.reset_std:
            r, o, i = to_ROI.shape
            to_ROI = to_ROI + self.law.spec.reset_std * randomness.normal((r, o, i))
        self.w_ROI[..., columns] = to_ROI.clamp(self.law.lower_ROI[..., columns], self.law.upper_ROI[..., columns])
        self._write_noise(columns, randomness)

    def decay(self, randomness: Randomness) -> None:
        """Let one mini-batch's time pass; nothing happens on devices without a lifetime."""
        keep_ROI = self.law.population.keep_ROI
        if keep_ROI is None:
            return
        to_ROI = self._reset_value()
        self.w_ROI.sub_(to_ROI).mul_(keep_ROI).add_(to_ROI)
        self.w_ROI.clamp_(self.law.lower_ROI, self.law.upper_ROI)
        self._write_noise(slice(None), randomness)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what training changes; the devices follow from their spec and seed."""
        state = {"w": self.w_ROI.clone()}
        return state if self.seen_ROI is self.w_ROI else state | {"seen": self.seen_ROI.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict` of an array with the same devices."""
        self.w_ROI.copy_(state["w"])
        if self.seen_ROI is not self.w_ROI:
            self.seen_ROI.copy_(state["seen"])

    def _reset_value(self) -> Tensor:
        """Return the weight [R, O, I] that a reset leaves and that decay tends to."""
        value_ROI = self.law.population.reset_ROI
        if value_ROI is not None:
            return value_ROI
        return self.w_ROI.new_full((1, 1, 1), self.law.spec.reset).expand_as(self.w_ROI)

    def _write_noise(self, columns: slice, randomness: Randomness) -> None:
        if self.seen_ROI is self.w_ROI:
            return
        w_ROI = self.w_ROI[..., columns]
        r, o, i = w_ROI.shape
        self.seen_ROI[..., columns] = w_ROI + self.law.write_noise * randomness.normal((r, o, i))
