"""Small models of any algorithm and network, and mini-batches for several of them."""

from typing import Any

import torch
from torch import Tensor

from analogcli.backends import get
from analogcli.backends.base import State, Trainable
from analogcli.spec import RunSpec, build

CPU = torch.device("cpu")
LR = 0.1

NETWORKS: dict[str, dict[str, Any]] = {
    "fcn": {"kind": "fcn", "hidden": [12, 8]},
    "lenet5": {"kind": "lenet5", "channels": [8, 12], "hidden": 24},
    "resnet": {"kind": "resnet", "blocks": [1, 1, 1, 1], "width": 2},
}


class Shape:
    """Small grey images of four classes."""

    channels, height, width, n_outputs = 1, 16, 16, 4


def spec(algorithm: dict[str, Any], network: str = "fcn", **parts: Any) -> RunSpec:
    """A spec; ``parts`` are those of the hardware."""
    task = {"dataset": "mnist5k", "model": NETWORKS[network], "batch_size": 6, "epochs": 1, "lr": LR}
    return build({"task": task, "algorithm": algorithm, **parts})


def trainable(of: RunSpec, *seeds: int, device: torch.device = CPU) -> Any:
    """The models with these seeds; without any, that with seed 0."""
    return get(of.backend).build(of, Shape(), seeds or (0,), device)


def batches(n: int, replicas: int = 1, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    """Mini-batches of six images for each of several models."""
    g = torch.Generator().manual_seed(seed)
    shape = (replicas, 6)
    return [(torch.randn(*shape, 1, 16, 16, generator=g), torch.randint(0, 4, shape, generator=g)) for _ in range(n)]


def train(models: Trainable, on: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Train and return the losses [steps, R]."""
    return torch.stack([models.train_step(x, y, LR) for x, y in on])


def equal(a: list[State], b: list[State]) -> bool:
    """Whether two groups of models have the same state, to the bit."""
    return len(a) == len(b) and all(
        one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())
        for one, other in zip(a, b, strict=True)
    )
