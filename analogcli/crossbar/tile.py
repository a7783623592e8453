"""One array in use: weights on devices, read through the periphery, learning by pulses.

::

    W = α w                 mapping: α = max|W|/ω for the tile, or for every row; α = 1 where ω = 0
    forward   y = α (w x)           backward   x̃ = wᵀ (α d)           update   with x and d/α

so that a requested change of the visible weight W is what arrives in W. Reads go through DAC and ADC, updates see the
exact digital x and d. AIHWKit twin: ``AnalogTile`` with ``MappingParameter``.

Axes: B sample (or image patch), O out, I in.
"""

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.mean_field import mean_field_update
from analogcli.crossbar.periphery import analog_matvec
from analogcli.crossbar.sequential import sequential_update
from analogcli.spec import Mapping, Periphery, Update


class Tile:
    """An array of the devices in ``law``; its weights start at 0, clipped to the bounds."""

    def __init__(self, law: ResponseLaw, periphery: Periphery, mapping: Mapping, pulses: Update) -> None:
        self.law = law
        self.pulses = pulses
        self.forward_io = periphery.forward
        self.backward_io = periphery.backward
        self.omega = mapping.weight_scaling_omega
        self.columnwise = mapping.weight_scaling_columnwise
        self.w_OI = law.clip(torch.zeros_like(law.upper_OI))
        """Weights on the devices [weight units]."""
        self.scale_O = self.w_OI.new_ones(len(self.w_OI))
        """Mapping scale α of every row."""

    def set_weights(self, weights_OI: Tensor) -> None:
        """Map the visible weights W onto the devices; what lies beyond a device's bounds is clipped."""
        weights_OI = weights_OI.to(self.w_OI)
        if self.omega > 0:
            peak_O = weights_OI.abs().amax(dim=1)
            peak_O = peak_O if self.columnwise else peak_O.max().expand_as(peak_O)
            self.scale_O = torch.where(peak_O > 0, peak_O / self.omega, 1.0)
        self.w_OI = self.law.clip(weights_OI / self.scale_O[:, None])

    def weights(self) -> Tensor:
        """Return the visible weights W [O, I]."""
        return self.w_OI * self.scale_O[:, None]

    def forward(self, x_BI: Tensor, generator: torch.Generator) -> Tensor:
        """Read y [B, O] = W x."""
        y_BO = analog_matvec(self.w_OI, x_BI, self.forward_io, generator)
        return y_BO * self.scale_O if self.omega > 0 else y_BO

    def backward(self, d_BO: Tensor, generator: torch.Generator) -> Tensor:
        """Read the input gradient [B, I] = Wᵀ d."""
        d_BO = d_BO * self.scale_O if self.omega > 0 else d_BO
        return analog_matvec(self.w_OI.T, d_BO, self.backward_io, generator)

    def update(self, x_BI: Tensor, d_BO: Tensor, lr: float, generator: torch.Generator) -> None:
        """Move W by −lr Σ d xᵀ as far as the devices follow, at the fidelity that the spec asks for."""
        d_BO = d_BO / self.scale_O if self.omega > 0 else d_BO
        match self.pulses.fidelity:
            case "sequential":
                self.w_OI = sequential_update(self.w_OI, self.law, x_BI, d_BO, lr, self.pulses, generator)
            case "mean-field":
                self.w_OI = mean_field_update(self.w_OI, self.law, x_BI, d_BO, lr)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what training changes; the devices follow from their spec and seed."""
        return {"w": self.w_OI.clone(), "scale": self.scale_O.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict` of a tile with the same devices."""
        self.w_OI = state["w"].to(self.w_OI, copy=True)
        self.scale_O = state["scale"].to(self.scale_O, copy=True)
