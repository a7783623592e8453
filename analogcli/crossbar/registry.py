"""Every device law by the ``kind`` of its spec; tests parametrise over this dictionary."""

import torch

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.exponential import ExponentialLaw
from analogcli.crossbar.power import PowerLaw
from analogcli.crossbar.soft_bounds import SoftBoundsLaw
from analogcli.spec import Device

LAWS: dict[str, type[ResponseLaw]] = {
    "soft-bounds": SoftBoundsLaw,
    "power": PowerLaw,
    "exponential": ExponentialLaw,
}


def draw_devices(
    spec: Device, shape_OI: tuple[int, int], generator: torch.Generator, device: torch.device | str = "cpu"
) -> ResponseLaw:
    """Draw an array [O, I] of the devices that ``spec`` describes from ``generator`` and place it on ``device``.

    With a CPU generator the devices are the same on every ``device``.
    """
    return LAWS[spec.kind].draw(spec, shape_OI, generator, device)
