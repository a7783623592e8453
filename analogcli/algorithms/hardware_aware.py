"""Hardware-aware training: weights learn exactly, while each mini-batch sees them with the noise of another chip.

::

    W̃ = (W + σ w ξ) ∘ b           noise of a mini-batch: w = max|W| of the tile, or an assumed one; P(b = 0) = pdrop
    reads of the mini-batch, forwards and backwards: W̃;     in inference: W
    W ← clip(W − lr Σ d xᵀ)       to ±fixed_value, and to ±sigma standard deviations of the tile's weights

The noise of the next mini-batch is drawn when the last one was learnt; the first mini-batch sees W itself.

Paper: Joshi et al. 2020 (Nature Communications 11, 2473); Rasch et al. 2023 (Nature Communications 14, 5282). AIHWKit
counterpart: ``InferenceRPUConfig`` with ``WeightModifierParameter`` and ``WeightClipParameter``.

Axes: R replica, B sample (or image patch), O out, I in.
"""

import torch
from torch import Tensor

from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.spec import HardwareAware, Update


class HardwareAwareCell:
    """One array of ideal devices, and what the mini-batches of the training see of it."""

    def __init__(self, array: CrossbarArray, algorithm: HardwareAware, pulses: Update) -> None:
        self.array = array
        self.algorithm = algorithm
        self.pulses = pulses
        self.training = True
        """Whether reads see the noise of the mini-batch."""
        self.modifies = algorithm.modifier.std_dev > 0 or algorithm.modifier.pdrop > 0
        self.modified_ROI = array.w_ROI.clone() if self.modifies else array.w_ROI
        """Weights of the mini-batch; the true weights where there is no noise."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """R, O, I."""
        return self.array.shape

    @property
    def holding(self) -> CrossbarArray:
        """The only array."""
        return self.array

    def visible(self) -> Tensor:
        """Return the weights that reads see: in training those of the mini-batch."""
        return self.modified_ROI if self.training else self.array.w_ROI

    def set_weights(self, w_ROI: Tensor, randomness: Randomness) -> None:
        """Write the weights; the first mini-batch sees them without noise."""
        self.array.set_weights(w_ROI, randomness)
        self.modified_ROI.copy_(self.array.w_ROI)

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Move the true weights, clip them, and draw the noise of the next mini-batch."""
        self.array.pulse(x_RBI, d_RBO, lr, self.pulses, randomness)
        self._clip()
        self._modify(randomness)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights, true and as the next mini-batch sees them."""
        return self.array.state_dict() | ({"modified": self.modified_ROI.clone()} if self.modifies else {})

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        self.array.load_state_dict(state)
        if self.modifies:
            self.modified_ROI.copy_(state["modified"])

    def _clip(self) -> None:
        clip, w_ROI = self.algorithm.clip, self.array.w_ROI
        if clip.sigma:
            bound_R11 = clip.sigma * w_ROI.std((1, 2), keepdim=True)
            torch.clamp(w_ROI, -bound_R11, bound_R11, out=w_ROI)
        if clip.fixed_value:
            w_ROI.clamp_(-clip.fixed_value, clip.fixed_value)

    def _modify(self, randomness: Randomness) -> None:
        if not self.modifies:
            return
        modifier, w_ROI = self.algorithm.modifier, self.array.w_ROI
        self.modified_ROI.copy_(w_ROI)
        if modifier.std_dev:
            largest_R11: Tensor | float = modifier.assumed_wmax
            if modifier.rel_to_actual_wmax:
                largest_R11 = w_ROI.abs().amax((1, 2), keepdim=True)
            self.modified_ROI += modifier.std_dev * largest_R11 * randomness.normal(self.shape)
        if modifier.pdrop:
            self.modified_ROI *= randomness.uniform(self.shape) >= modifier.pdrop
