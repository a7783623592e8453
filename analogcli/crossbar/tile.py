"""A tile in use: a cell read through the periphery, with the mapping of layer weights onto it.

::

    W = α w                 mapping: α = max|W|/ω for the tile, or for every row; α = 1 where ω = 0
    forward   y = α (w x)           backward   x̃ = wᵀ (α d)           update   with x and d/α

so that a requested change of the visible weight W is what arrives in W. Reads go through DAC and ADC, updates see the
exact digital x and d. AIHWKit twin: ``AnalogTile`` with ``MappingParameter``.

Axes: R replica, B sample (or image patch), O out, I in.
"""

import torch
from torch import Tensor

from analogcli.crossbar.cell import Cell
from analogcli.crossbar.periphery import AnalogRead
from analogcli.crossbar.randomness import Randomness
from analogcli.spec import Mapping, Periphery


class Tile:
    """R tiles of one shape."""

    def __init__(self, cell: Cell, periphery: Periphery, mapping: Mapping) -> None:
        self.cell = cell
        self.read_forward = AnalogRead(periphery.forward)
        self.read_backward = AnalogRead(periphery.backward)
        self.omega = mapping.weight_scaling_omega
        self.columnwise = mapping.weight_scaling_columnwise
        self.scale_RO = cell.visible().new_ones(cell.shape[:2])
        """Mapping scale α of every row."""

    def set_weights(self, weights_ROI: Tensor, randomness: Randomness) -> None:
        """Map the visible weights W onto the cell; what lies beyond a device's bounds is clipped."""
        weights_ROI = weights_ROI.to(self.scale_RO)
        if self.omega > 0:
            peak_RO = weights_ROI.abs().amax(dim=2)
            peak_RO = peak_RO if self.columnwise else peak_RO.amax(dim=1, keepdim=True).expand_as(peak_RO)
            self.scale_RO = torch.where(peak_RO > 0, peak_RO / self.omega, 1.0)
        self.cell.set_weights(weights_ROI / self.scale_RO[:, :, None], randomness)

    def weights(self) -> Tensor:
        """Return the visible weights W [R, O, I]."""
        return self.cell.visible() * self.scale_RO[:, :, None]

    def forward(self, x_RBI: Tensor, randomness: Randomness) -> Tensor:
        """Read y [R, B, O] = W x."""
        y_RBO = self.read_forward(self.cell.visible(), x_RBI, randomness)
        return y_RBO * self.scale_RO[:, None] if self.omega > 0 else y_RBO

    def backward(self, d_RBO: Tensor, randomness: Randomness) -> Tensor:
        """Read the input gradient [R, B, I] = Wᵀ d."""
        d_RBO = d_RBO * self.scale_RO[:, None] if self.omega > 0 else d_RBO
        return self.read_backward(self.cell.visible().mT, d_RBO, randomness)

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Ask W to move by −lr Σ d xᵀ."""
        d_RBO = d_RBO / self.scale_RO[:, None] if self.omega > 0 else d_RBO
        self.cell.update(x_RBI, d_RBO, lr, randomness)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what training changes; the devices follow from their spec and seed."""
        return {"scale": self.scale_RO.clone()} | {f"cell.{k}": v for k, v in self.cell.state_dict().items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict` of a tile with the same devices."""
        self.scale_RO = state["scale"].to(self.scale_RO, copy=True)
        cell = {k.removeprefix("cell."): v for k, v in state.items() if k.startswith("cell.")}
        self.cell.load_state_dict(cell)
