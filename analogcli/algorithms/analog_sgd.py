"""Analog SGD: the gradient of each mini-batch goes onto the array that holds the weight, and nowhere else.

::

    W' = W − lr g ∘ F(W) − lr |g| ∘ G(W),   g = d xᵀ per sample                       (P24 eq 7, P25 eq 5)
    soft bounds:  W' = W − lr g − (lr/τ) |g| ∘ W

The second term drags every weight towards its symmetric point as long as samples disagree; at a critical point the
drift is −(lr/τ) E|g| W (P24 eq 11), and with it the loss keeps a floor that no learning rate removes.

Papers: Gokmen and Vlasov 2016 (arXiv 1603.07341); Wu et al. 2024 (P24, arXiv 2406.12774) and 2025 (P25, 2502.06309).
AIHWKit counterpart: ``SingleRPUConfig`` with ``AnalogSGD``.

Axes: R replica, B sample (or image patch), O out, I in.
"""

from torch import Tensor

from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.spec import Update


class AnalogSgdCell:
    """One array that holds the weight and takes the gradient (:class:`~analogcli.crossbar.Cell`)."""

    def __init__(self, array: CrossbarArray, pulses: Update) -> None:
        self.array = array
        self.pulses = pulses

    @property
    def shape(self) -> tuple[int, int, int]:
        """R, O, I."""
        return self.array.shape

    @property
    def holding(self) -> CrossbarArray:
        """The only array."""
        return self.array

    def visible(self) -> Tensor:
        """Return the weights that reads see."""
        return self.array.seen_ROI

    def set_weights(self, w_ROI: Tensor, randomness: Randomness) -> None:
        """Write the weights."""
        self.array.set_weights(w_ROI, randomness)

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Send the gradient of one mini-batch as pulses."""
        self.array.pulse(x_RBI, d_RBO, lr, self.pulses, randomness)
        self.array.decay(randomness)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights."""
        return self.array.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        self.array.load_state_dict(state)
