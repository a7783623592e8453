"""Every device law by the ``kind`` of its spec; tests parametrise over this dictionary."""

from collections.abc import Sequence

import torch

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.constant_step import ConstantStepLaw
from analogcli.crossbar.custom import CustomLaw
from analogcli.crossbar.exp_step import ExpStepLaw
from analogcli.crossbar.exponential import ExponentialLaw
from analogcli.crossbar.ideal import IdealLaw
from analogcli.crossbar.linear import LinearLaw
from analogcli.crossbar.linear_step import LinearStepLaw
from analogcli.crossbar.piecewise import PiecewiseLaw
from analogcli.crossbar.pow_step import PowStepLaw
from analogcli.crossbar.power import PowerLaw
from analogcli.crossbar.soft_bounds import SoftBoundsLaw
from analogcli.spec import Device

LAWS: dict[str, type[ResponseLaw]] = {
    "ideal": IdealLaw,
    "constant-step": ConstantStepLaw,
    "linear-step": LinearStepLaw,
    "soft-bounds": SoftBoundsLaw,
    "linear": LinearLaw,
    "exp-step": ExpStepLaw,
    "pow-step": PowStepLaw,
    "power": PowerLaw,
    "exponential": ExponentialLaw,
    "piecewise": PiecewiseLaw,
    "custom": CustomLaw,
}


def draw_devices(
    spec: Device,
    shape_OI: tuple[int, int],
    generators: Sequence[torch.Generator],
    device: torch.device | str = "cpu",
) -> ResponseLaw:
    """Draw R arrays [O, I] of the devices in ``spec``, one from each generator, and place them on ``device``.

    With CPU generators the devices are the same on every ``device``.

    Raises:
        SpecError: the source of a custom device has changed or is no device.
    """
    return LAWS[spec.kind].draw(spec, shape_OI, generators).to(device)
