"""What stands at every cross point of a tile: one device, or several arrays that learn together.

An algorithm is a cell (:mod:`analogcli.algorithms`); a tile puts converters and the weight mapping around it. AIHWKit
twins: the simple devices, and the unit cells and compounds made of them.

Axes: R replica, B sample (or image patch), O out, I in.
"""

from typing import Protocol

from torch import Tensor

from analogcli.crossbar.array import CrossbarArray
from analogcli.crossbar.randomness import Randomness


class Cell(Protocol):
    """R arrays of unit cells."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """R, O, I."""
        ...

    @property
    def holding(self) -> CrossbarArray:
        """The array that weights are written onto."""
        ...

    def visible(self) -> Tensor:
        """Return the weights [R, O, I] that forward and backward reads see; not a copy."""
        ...

    def set_weights(self, w_ROI: Tensor, randomness: Randomness) -> None:
        """Write the visible weights and forget everything learnt before."""
        ...

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Learn from one mini-batch: the visible weights are asked to move by −lr Σ d xᵀ."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Return every hidden state (arrays, buffers, counters, choppers) as plain tensors, copies.

        What belongs to one replica has the leading axis R, so that one model's state can be cut out.
        """
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict` of a cell with the same devices."""
        ...
