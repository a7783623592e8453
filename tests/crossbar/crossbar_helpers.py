"""What the tests of the array share: laws by kind, ideal devices, weights anywhere between the bounds."""

import torch
from pydantic import TypeAdapter
from torch import Tensor

from analogcli.crossbar import ResponseLaw, draw_devices
from analogcli.spec import Device

TAU = 0.6
IDEAL = {"dw_min_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0}


def law_of(kind: str, shape: tuple[int, int] = (5, 7), seed: int = 0, **fields: object) -> ResponseLaw:
    """Devices of ``kind`` with τ = 0.6."""
    spec = TypeAdapter(Device).validate_python({"kind": kind, "tau": TAU, **fields})
    return draw_devices(spec, shape, torch.Generator().manual_seed(seed))


def within(law: ResponseLaw, seed: int = 1) -> Tensor:
    """Weights anywhere between the bounds."""
    u = torch.rand(law.upper_OI.shape, generator=torch.Generator().manual_seed(seed))
    return law.lower_OI + u * (law.upper_OI - law.lower_OI)
