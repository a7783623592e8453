"""What all analog layers of a network share: the hardware description, and the seeds of the models that live on it.

Devices are drawn on the CPU, each array of each model from a stream of its own, so that a seed means the same devices
wherever the model is trained, whatever it is trained beside, and whichever other layers are analog.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from analogcli.algorithms import build_cell
from analogcli.crossbar import CrossbarArray, Randomness, Tile, draw_devices
from analogcli.generators import stream
from analogcli.spec import Algorithm, AnalogSgd, Device, Mapping, Periphery, SoftBounds, Update


@dataclass(frozen=True, eq=False)
class Chip:
    """The hardware that R models are laid out on, one for each seed."""

    device: Device = field(default_factory=SoftBounds)
    """The devices at the cross points."""
    algorithm: Algorithm = field(default_factory=AnalogSgd)
    """How the arrays of a tile learn."""
    update: Update = field(default_factory=Update)
    """How the gradient becomes pulses."""
    periphery: Periphery = field(default_factory=Periphery)
    """DAC and ADC of the reads."""
    mapping: Mapping = field(default_factory=Mapping)
    """How layers lie on tiles."""
    seeds: Sequence[int] = (0,)
    """Seed of every model; its devices follow it unless the device has a ``construction_seed``."""
    on: torch.device | str = "cpu"
    """The torch device where the models live."""

    @property
    def replicas(self) -> int:
        """R, the number of models."""
        return len(self.seeds)

    @cached_property
    def noise(self) -> Randomness:
        """Read noise, pulses and transfers of all tiles."""
        return Randomness(self.seeds, self.on)

    def tile(self, name: str, shape_OI: tuple[int, int], groups: int = 1) -> Tile:
        """Return R·G tiles with weights 0; their devices depend on the seeds and on ``name``, and on nothing else."""
        given = self.device.construction_seed

        def make_array(array: str, device: Device | None = None) -> CrossbarArray:
            purpose = f"devices/{name}/{array}" if array else f"devices/{name}"
            generators = [
                stream(seed if given is None else given, f"{purpose}/group{g}" if groups > 1 else purpose)
                for seed in self.seeds
                for g in range(groups)
            ]
            return CrossbarArray(draw_devices(device or self.device, shape_OI, generators).to(self.noise.device))

        return Tile(build_cell(self.algorithm, self.update, make_array), self.periphery, self.mapping)
