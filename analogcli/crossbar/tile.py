"""A tile in use: a cell read through the periphery, with the mapping of layer weights onto it.

::

    W = α w                 mapping: α = max|W|/ω for the tile, or for every row; α = 1 where ω = 0
    forward   y = α (w x)           backward   x̃ = wᵀ (α d)           update   with x and d/α

so that a requested change of the visible weight W is what arrives in W. Reads go through DAC and ADC, updates see the
exact digital x and d. A tile that was programmed onto phase-change memory (:mod:`.pcm`) reads that instead of the cell;
with drift compensation its forward output is multiplied by

::

    mean |outputs of unit vectors| when programmed / the same now

AIHWKit twins: ``AnalogTile`` and ``InferenceTile`` with ``MappingParameter`` and ``GlobalDriftCompensation``.

Axes: R replica, B sample (or image patch), O out, I in.
"""

import torch
from torch import Tensor

from analogcli.crossbar.cell import Cell
from analogcli.crossbar.pcm import PcmPairs
from analogcli.crossbar.periphery import AnalogRead
from analogcli.crossbar.randomness import Randomness
from analogcli.spec import Mapping, PcmInference, Periphery

SMALLEST_RESPONSE = 1e-4
"""Below this a tile has no output whose drift could be compensated, as in AIHWKit."""


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
        self.memory: PcmPairs | None = None
        """What the weights were programmed onto, if they were."""
        self._seen_ROI = cell.visible()
        self._response_R1 = self.scale_RO[:, :1]
        self._compensation_R1: Tensor | None = None

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

    def seen(self) -> Tensor:
        """Return the weights w [R, O, I] that reads see; not a copy."""
        return self.cell.visible() if self.memory is None else self._seen_ROI

    @property
    def gain_RO(self) -> Tensor | None:
        """Factor on the forward output of every row; None: 1."""
        if self._compensation_R1 is not None:
            return self.scale_RO * self._compensation_R1
        return self.scale_RO if self.omega > 0 else None

    def program(self, settings: PcmInference, randomness: Randomness) -> None:
        """Write the weights of the cell onto new phase-change devices, which all reads to come see."""
        self.memory = PcmPairs.program(self.cell.visible(), settings, randomness)
        self._seen_ROI, self._compensation_R1 = self.memory.programmed(), None
        if settings.drift_compensation == "global":
            self._response_R1 = self._response(randomness)

    def at_time(self, seconds: float, randomness: Randomness) -> None:
        """Let what was programmed be ``seconds`` old, and measure the drift compensation."""
        assert self.memory is not None, "a tile is programmed before it drifts"
        self._seen_ROI = self.memory.at(seconds, randomness)
        if self.memory.settings.drift_compensation == "global":
            self._compensation_R1 = self._response_R1 / self._response(randomness)

    def _response(self, randomness: Randomness) -> Tensor:
        """Return the mean absolute output [R, 1] for unit vectors, read as any other vectors are."""
        unit_RII = torch.eye(self.cell.shape[2], device=self._seen_ROI.device).expand(self.cell.shape[0], -1, -1)
        response_R1 = self.read_forward(self._seen_ROI, unit_RII, randomness).abs().mean((1, 2))[:, None]
        return response_R1.clamp_min(SMALLEST_RESPONSE)

    def forward(self, x_RBI: Tensor, randomness: Randomness) -> Tensor:
        """Read y [R, B, O] = W x."""
        y_RBO, gain_RO = self.read_forward(self.seen(), x_RBI, randomness), self.gain_RO
        return y_RBO if gain_RO is None else y_RBO * gain_RO[:, None]

    def backward(self, d_RBO: Tensor, randomness: Randomness) -> Tensor:
        """Read the input gradient [R, B, I] = Wᵀ d."""
        d_RBO = d_RBO * self.scale_RO[:, None] if self.omega > 0 else d_RBO
        return self.read_backward(self.seen().mT, d_RBO, randomness)

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
