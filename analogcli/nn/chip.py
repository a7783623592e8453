"""What all analog layers of one model share: the hardware description and the two sources of its randomness."""

from dataclasses import dataclass

import torch

from analogcli.crossbar import Tile, draw_devices
from analogcli.generators import stream
from analogcli.spec import Device, Mapping, Periphery, Update


@dataclass(frozen=True, eq=False)
class Chip:
    """The hardware that a model is laid out on."""

    device: Device
    """The devices at the cross points."""
    periphery: Periphery
    """DAC and ADC of the reads."""
    mapping: Mapping
    """How layers lie on tiles."""
    pulses: Update
    """How the gradient becomes pulses."""
    seed: int
    """Seed of the model; its devices follow it unless the device has a ``construction_seed``."""
    noise: torch.Generator
    """Read noise and pulses of all tiles; its device is where the model lives."""

    def tile(self, name: str, shape_OI: tuple[int, int]) -> Tile:
        """Return a tile with weights 0; its devices depend on the seed and on ``name``, and on nothing drawn before."""
        seed = self.seed if self.device.construction_seed is None else self.device.construction_seed
        # Drawn on the CPU, so that a seed means the same devices wherever the model is trained.
        law = draw_devices(self.device, shape_OI, stream(seed, f"devices/{name}"), self.noise.device)
        return Tile(law, self.periphery, self.mapping, self.pulses)
