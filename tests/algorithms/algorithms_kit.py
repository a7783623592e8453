"""Small cells of every algorithm, and data to train them with.

Axes: R replica, B sample, O out, I in.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from analogcli.algorithms import build_cell, end_of_epoch
from analogcli.crossbar import Cell, CrossbarArray, Randomness, draw_devices
from analogcli.generators import stream
from analogcli.spec import (
    Agad,
    AnalogSgd,
    BufferedTikiTaka,
    ChoppedTikiTaka,
    ConstantStep,
    HardwareAware,
    MixedPrecision,
    MultiTileResidual,
    ResidualLearningV1,
    ResidualLearningV2,
    SoftBounds,
    TikiTakaV1,
    TikiTakaV2Chopped,
    TransferRead,
    Update,
    Vector,
)

SHAPE = (4, 5)
DEVICE = SoftBounds(tau=0.6, dw_min=0.01, up_down=0.1)
PERFECT = TransferRead(perfect=True)

FAST = {"fast_lr": 0.05, "transfer_lr": 1.0, "scale_transfer_lr": False}
CHOPPED = FAST | {"gamma": 0.5, "auto_scale": True, "buffer_granularity": 0.3}
SPECS: dict[str, Any] = {
    "analog-sgd": AnalogSgd(),
    "tt-v1": TikiTakaV1(**FAST, n_reads_per_transfer=2),
    "tt-v2": BufferedTikiTaka(**FAST, gamma=0.3, n_reads_per_transfer=3),
    "tt-v2-chopped": TikiTakaV2Chopped(**CHOPPED, units_in_mbatch=True),
    "c-ttv2": ChoppedTikiTaka(**CHOPPED, in_chop_prob=0.3, correct_gradient_magnitudes=True),
    "agad": Agad(**CHOPPED, in_chop_prob=0.3, in_chop_random=True),
    "mp": MixedPrecision(),
    "vector": Vector(update_policy="single-random", further_devices=(SoftBounds(tau=0.4, dw_min=0.02), ConstantStep())),
    "rl-v1": ResidualLearningV1(**FAST, transfer_every=0.5),
    "rl-v2": ResidualLearningV2(transfer_lr=1.0),
    "resl": MultiTileResidual(tiles=3, transfer_every=1, transfer_every_ratio=2, transfer_lr=1.0, fast_lr=0.05),
    "hwa": HardwareAware(modifier={"std_dev": 0.1, "pdrop": 0.1}, clip={"fixed_value": 0.55, "sigma": 6.0}),
}
"""Each algorithm with options that make it draw, buffer and transfer within a few mini-batches of four vectors."""


def build(
    algorithm: Any,
    seeds: Sequence[int] = (0,),
    *,
    device: Any = DEVICE,
    update: Update | None = None,
    shape: tuple[int, int] = SHAPE,
    on: str = "cpu",
) -> Cell:
    """Return a cell whose weights are 0."""

    def make(name: str, other: Any = None) -> CrossbarArray:
        generators = [stream(seed, f"devices/{name}") for seed in seeds]
        return CrossbarArray(draw_devices(other or device, shape, generators, on))

    return build_cell(algorithm, update or Update(), make)


def batch(seeds: Sequence[int], step: int, shape: tuple[int, int] = SHAPE, samples: int = 4) -> tuple[Tensor, Tensor]:
    """Return the inputs and output gradients of one step; those of a model depend on its seed only."""
    generators = [torch.Generator().manual_seed(1000 * seed + step) for seed in seeds]
    x_RBI = torch.stack([torch.randn(samples, shape[1], generator=g) for g in generators])
    d_RBO = torch.stack([torch.randn(samples, shape[0], generator=g) for g in generators])
    return x_RBI, d_RBO


def train(cell: Cell, randomness: Randomness, seeds: Sequence[int], steps: range, lr: float = 0.05) -> None:
    """Train a few mini-batches; every third ends an epoch whose loss is that of the model's seed."""
    for step in steps:
        x_RBI, d_RBO = batch(seeds, step)
        cell.update(x_RBI.to(randomness.device), d_RBO.to(randomness.device), lr, randomness)
        if step % 3 == 2:
            end_of_epoch(cell, torch.tensor([((seed + 1) * step) % 7 for seed in seeds], dtype=torch.float32))


def start(seeds: Sequence[int], shape: tuple[int, int] = SHAPE) -> Tensor:
    """Return weights within the bounds of most devices."""
    return torch.stack([0.1 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
