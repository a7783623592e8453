"""Small models on AIHWKit's tiles, and the reason to skip where AIHWKit does not work."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from analogcli.backends import get
from analogcli.errors import BackendError
from analogcli.spec import RunSpec, build, merge

try:
    get("aihwkit").check()
    reason = ""
except BackendError as exc:
    reason = str(exc)
else:
    from analogcli.backends.aihwkit.trainable import AihwkitModel

needs_aihwkit = pytest.mark.skipif(bool(reason), reason=reason or "AIHWKit works")

CPU = torch.device("cpu")
PERFECT = {"forward": {"perfect": True}, "backward": {"perfect": True}}
IDEAL = {"dw_min_std": 0.0, "dw_min_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0, "up_down_dtod": 0.0}


def spec(**parts: Any) -> RunSpec:
    """An analog run with AIHWKit's defaults, ``parts`` laid over it."""
    model = {"kind": "fcn", "hidden": (6,)}
    task = {"dataset": "mnist5k", "model": model, "batch_size": 4, "epochs": 1, "lr": 0.1}
    base: dict[str, Any] = {"task": task, "algorithm": {"kind": "analog-sgd"}, "device": {"kind": "soft-bounds"}}
    base |= {"periphery": {}, "update": {}, "mapping": {}, "backend": "aihwkit"}
    return build(merge(base, parts))


def small_network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.Sigmoid(), nn.Linear(6, 3), nn.LogSoftmax(dim=1))


def convolution_network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(16, 3), nn.LogSoftmax(dim=1))


def model(network: Callable[[], nn.Module] = small_network, seed: int = 0, **parts: Any) -> "AihwkitModel":
    return AihwkitModel(network(), spec(**parts), seed, CPU)


def batch(n: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(n, 1, 3, 3, generator=generator), torch.randint(3, (n,), generator=generator)


def tile_of(trainable: "AihwkitModel", index: int = 0) -> Any:
    return list(trainable.network.analog_tiles())[index]


def populations(trainable: "AihwkitModel") -> list[Tensor]:
    return [tile.tile.get_hidden_parameters() for tile in trainable.network.analog_tiles()]


TT = {"kind": "tt-v1", "fast_lr": 0.5, "gamma": 0.2}
