"""Vector cell: several devices at every cross point hold the weight together, and each gradient reaches some of them.

::

    W = Σ_k gamma_k W_k,   gamma_k = 1/n unless given        g = mean granularity of the n devices
    all                 every W_k takes the pulses of −lr d xᵀ, from the same trains
    single-fixed        W_0 takes them
    single-sequential   W_k, k = 1, 2, …, n − 1, 0, 1, …     one sample each
    single-random       W_k, k by chance                     one sample each

Trains are made for pulses of the size g, and a device answers each with a pulse of its own size: W moves by gamma_k
times that, so that with gamma = 1/n a single device moves W by a part n of what was asked for. Writing weights writes
every device alike (single-fixed: the first one, 0 onto the others): W is then (Σ gamma_k) w, and w with the default.

AIHWKit counterpart: ``VectorUnitCell``; ``ReferenceUnitCell`` is single-fixed with gammas 1 and −1.

Axes: R replica, B sample (or image patch), K slot of a train, N slot of any sample, O out, I in.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from analogcli.algorithms.compound import Compound
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.crossbar.kernels.hashing import GOLDEN, uniform
from analogcli.crossbar.pulses import draw_bits, trains
from analogcli.spec import Update, Vector

ONE_SLOT = {"desired_bl": 1, "update_management": False, "update_bl_management": False}
"""Pulses that ask for exactly one wherever x and d are ±1."""


class VectorCell(Compound):
    """Arrays of which some take the gradient, by a policy."""

    remembers = ("vectors",)

    def __init__(self, arrays: Sequence[CrossbarArray], algorithm: Vector, pulses: Update) -> None:
        super().__init__(arrays, algorithm.gammas)
        self.algorithm = algorithm
        self.pulses = pulses
        self.vectors = 0
        """Vectors seen."""
        self.granularity = sum(array.granularity for array in arrays) / len(arrays)
        """Size of the pulses that trains are made for [weight units]."""

    def set_weights(self, w_ROI: Tensor, randomness: Randomness) -> None:
        """Write the weights onto every array, and forget how many vectors there were."""
        fixed = self.algorithm.update_policy == "single-fixed"
        for k, array in enumerate(self.arrays):
            array.set_weights(torch.zeros_like(w_ROI) if fixed and k else w_ROI, randomness)
        self.forget()
        self.mix()

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Send the gradient of one mini-batch to the devices whose turn it is."""
        match self.algorithm.update_policy:
            case "all":
                self._pulse_all(x_RBI, d_RBO, lr, randomness)
            case "single-fixed":
                self._pulse(0, x_RBI, d_RBO, lr, randomness)
            case "single-sequential":
                for k in range(len(self.arrays)):
                    mine = slice((k - 1 - self.vectors) % len(self.arrays), None, len(self.arrays))
                    self._pulse(k, x_RBI[:, mine], d_RBO[:, mine], lr, randomness)
            case "single-random":
                k_RB1 = self._chosen(x_RBI.shape[1], randomness)
                for k in range(len(self.arrays)):
                    self._pulse(k, x_RBI * (k_RB1 == k), d_RBO, lr, randomness)
        self.vectors += x_RBI.shape[1]
        self.end_update(randomness)

    def _pulse(self, k: int, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Send samples onto array ``k``, in trains for pulses of the mean size."""
        array = self.arrays[k]
        array.pulse(x_RBI, d_RBO, lr * array.granularity / self.granularity, self.pulses, randomness)

    def _chosen(self, samples: int, randomness: Randomness) -> Tensor:
        """Return the array [R, B, 1] that takes each sample, by every replica's own chance."""
        key_RB = randomness.keys(self.shape[0])[:, None] + np.arange(samples, dtype=np.uint64) * GOLDEN
        k_RB = (uniform(key_RB) * len(self.arrays)).astype(np.int64)
        return torch.from_numpy(k_RB)[..., None].to(randomness.device)

    def _pulse_all(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Send the samples onto all arrays from the same trains; each device has noise of its own."""
        drawn = self.pulses.pulse_type == "stochastic-compressed" and self.pulses.drawn
        if not drawn or self.arrays[0].law.ideal or len(self.arrays) == 1:
            for k in range(len(self.arrays)):
                self._pulse(k, x_RBI, d_RBO, lr, randomness)
            return
        x_RNI, d_RNO = self._slots(x_RBI, d_RBO, lr, randomness)
        for array in self.arrays:
            one_slot = self.pulses.model_copy(update=ONE_SLOT)
            array.pulse(x_RNI, d_RNO, array.granularity, one_slot, randomness)

    def _slots(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> tuple[Tensor, Tensor]:
        """Return the slots of all trains as samples of −1, 0 and 1, each replica's by its own chance.

        All trains are filled up to desired_bl: where a slot stands decides the noise of its pulses, and must not depend
        on the trains of other models.
        """
        train = trains(x_RBI, d_RBO, lr, self.granularity, self.pulses)
        x_bits, d_bits = [], []
        for r, key in enumerate(randomness.keys(self.shape[0])):
            generator = torch.Generator(randomness.device).manual_seed(int(key) >> 1)
            one, length_B = slice(r, r + 1), train.length_RB[r : r + 1]
            missing = (0, 0, 0, self.pulses.desired_bl - int(length_B.max()))
            x_bits.append(pad(draw_bits(x_RBI[one], train.gain_x_RB[one], length_B, generator), missing))
            d_bits.append(pad(draw_bits(d_RBO[one], train.gain_d_RB[one], length_B, generator), missing))
        x_RBKI, d_RBKO = torch.cat(x_bits), torch.cat(d_bits)
        x_RBKI.mul_(x_RBI.sign()[:, :, None])
        d_RBKO.mul_(d_RBO.sign()[:, :, None])
        return x_RBKI.flatten(1, 2), d_RBKO.flatten(1, 2)
