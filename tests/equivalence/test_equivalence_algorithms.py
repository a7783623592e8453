"""Every algorithm that AIHWKit has follows AIHWKit's law: visible weights, hidden arrays and buffers, as distributions.

The same weights and the same mini-batch on both sides, devices without spread, many repeats; each element of each
array is compared in mean (z), spread (z) and two-sample Kolmogorov-Smirnov distance, after one mini-batch and after a
few hundred vectors. Our generator is seeded, AIHWKit's cannot be. The bounds lie at about 3 in 10 million for one
comparison of equal laws, so that all of them together (about 5,000, many of them correlated) pass in 99.5 of 100 runs.
"""

from typing import Any

import pytest
import torch
from distributions import Distance, distance
from kit import why_not
from kit_algorithms import Arrays, Data, ours, theirs

from analogcli.spec import (
    Agad,
    BufferedTikiTaka,
    ChoppedTikiTaka,
    ConstantStep,
    MixedPrecision,
    MultiTileResidual,
    Pulses,
    SoftBounds,
    TikiTakaV1,
    TikiTakaV2Chopped,
    TransferRead,
    Vector,
)

reason = why_not()
pytestmark = [pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason)]

SHAPE = (4, 5)
LARGEST_Z = 5.1
LARGEST_KS = 1.4
"""Times the 1e-3 line of one comparison."""
REPEATS = {1: (1500, 400), 25: (900, 300)}
"""Our repeats and AIHWKit's, by the number of mini-batches."""

SAME: dict[str, Any] = {"dw_min_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0, "dw_min_std": 0.3}
DEVICES: dict[str, Any] = {
    "soft-bounds": SoftBounds(tau=0.6, dw_min=0.02, up_down=0.1, **SAME),
    "constant-step": ConstantStep(tau=0.6, dw_min=0.02, up_down=0.1, **SAME),
}
OTHERS: tuple[Any, ...] = (
    SoftBounds(tau=0.3, dw_min=0.01, **SAME),
    ConstantStep(tau=0.5, centre=0.1, dw_min=0.03, up_down=-0.1, **SAME),
)

PERFECT = TransferRead(perfect=True)
TRANSFER: dict[str, Any] = {"fast_lr": 0.1, "transfer_lr": 1.0, "scale_transfer_lr": False, "transfer_read": PERFECT}
BUFFERED = TRANSFER | {"transfer_lr": 0.15}
"""A read is less than a pulse, so that the buffer counts."""
IN_TENSORS = {"fast_lr": 1.0, "transfer_read": TransferRead(inp_noise=1e-9)}
"""Noise on the inputs, far too little to matter, keeps an algorithm out of its compiled loop."""
VECTORS: dict[str, Any] = {"units_in_mbatch": False}
MANAGED = Pulses(desired_bl=5)
ALGORITHMS: dict[str, Any] = {
    "tt-v1": TikiTakaV1(**TRANSFER),
    "tt-v1, noisy read": TikiTakaV1(**TRANSFER | {"transfer_read": TransferRead()}),
    "tt-v1, lr of the optimizer": TikiTakaV1(**TRANSFER | {"fast_lr": 0, "scale_transfer_lr": True, "transfer_lr": 20}),
    "tt-v1, gamma, 2 columns every 3 vectors": TikiTakaV1(
        **TRANSFER | VECTORS, gamma=0.5, transfer_every=3, n_reads_per_transfer=2
    ),
    "resl, 3 tiles": MultiTileResidual(
        **TRANSFER,
        tiles=3,
        gamma=0.5,
        transfer_lr_ratio=1.2,
        transfer_every=0.5,
        transfer_every_ratio=2,
        warm_start="off",
    ),
    "tt-v2": BufferedTikiTaka(**BUFFERED | VECTORS),
    "tt-v2, noisy read": BufferedTikiTaka(**BUFFERED | VECTORS | {"transfer_read": TransferRead()}),
    "tt-v2, gamma, threshold 1.7, 2 columns, trains of 5, nothing forgotten": BufferedTikiTaka(
        **BUFFERED,
        gamma=0.5,
        thres_scale=1.7,
        n_reads_per_transfer=2,
        forget_buffer=False,
        transfer_every=0.4,
        transfer_update=MANAGED.model_dump(),
    ),
    "tt-v2-chopped": TikiTakaV2Chopped(**BUFFERED | VECTORS, auto_granularity=3),
    "tt-v2-chopped, per mini-batch, nothing forgotten": TikiTakaV2Chopped(
        **BUFFERED, units_in_mbatch=True, transfer_every=0.4, forget_buffer=False, momentum=0.2
    ),
    "c-ttv2, regular": ChoppedTikiTaka(**BUFFERED | VECTORS, in_chop_prob=0.4, in_chop_random=False, momentum=0.3),
    "c-ttv2, random, scaled, magnitudes": ChoppedTikiTaka(
        **BUFFERED | VECTORS | {"transfer_lr": 0.003, "fast_lr": 1.0},
        in_chop_prob=0.3,
        auto_scale=True,
        auto_momentum=0.9,
        correct_gradient_magnitudes=True,
    ),
    "agad": Agad(**BUFFERED | VECTORS, in_chop_prob=0.5, tail_weightening=1.2),
    "agad, noisy read, scaled, random": Agad(
        **BUFFERED | VECTORS | {"transfer_read": TransferRead(), "fast_lr": 1.0},
        in_chop_prob=0.35,
        in_chop_random=True,
        auto_scale=True,
        forget_buffer=False,
        transfer_update=MANAGED.model_dump(),
    ),
    "c-ttv2, in tensors": ChoppedTikiTaka(**BUFFERED | VECTORS | IN_TENSORS, in_chop_prob=0.4, auto_scale=True),
    "agad, in tensors": Agad(**BUFFERED | VECTORS | IN_TENSORS, in_chop_prob=0.5, tail_weightening=1.2),
    "tt-v1, other fast devices": TikiTakaV1(**TRANSFER, fast_device=OTHERS[0]),
    "tt-v2, gamma, other fast devices": BufferedTikiTaka(**BUFFERED | VECTORS, gamma=0.5, fast_device=OTHERS[1]),
    "c-ttv2, magnitudes, other fast devices": ChoppedTikiTaka(
        **BUFFERED | VECTORS | {"transfer_lr": 0.005}, correct_gradient_magnitudes=True, fast_device=OTHERS[0]
    ),
    "vector, all": Vector(update_policy="all", further_devices=OTHERS),
    "vector, single-fixed": Vector(update_policy="single-fixed", further_devices=OTHERS),
    "vector, single-sequential": Vector(update_policy="single-sequential", further_devices=OTHERS),
    "vector, single-random": Vector(update_policy="single-random", further_devices=OTHERS),
    "vector, all, own weights": Vector(update_policy="all", further_devices=OTHERS, gamma_vec=(0.2, 0.9, -0.4)),
    "vector, single-random, own weights": Vector(
        update_policy="single-random", further_devices=OTHERS[:1], gamma_vec=(1.5, 0.5)
    ),
    "vector, reference cell": Vector(update_policy="single-fixed", further_devices=OTHERS[:1], gamma_vec=(1.0, -1.0)),
    "mp": MixedPrecision(),
    "mp, every second": MixedPrecision(transfer_every=2, granularity=0.013, transfer_lr=0.7),
}


def mini_batch(samples: int = 10) -> Data:
    """Weights, inputs and gradients of both signs, with a line and a sample of zeros."""
    g = torch.Generator().manual_seed(4)
    w = 0.3 * (2 * torch.rand(SHAPE, generator=g) - 1)
    x, d = torch.randn(samples, SHAPE[1], generator=g), torch.randn(samples, SHAPE[0], generator=g)
    x[:, 0], d[2] = 0, 0
    return w, x, d


def distances(a: Arrays, b: Arrays) -> dict[str, Distance]:
    assert a.keys() == b.keys()
    return {name: distance(a[name], b[name]) for name in a}


def differing(found: dict[str, Distance]) -> dict[str, Distance]:
    return {k: v for k, v in found.items() if v.z > LARGEST_Z or v.spread_z > LARGEST_Z or v.ks > LARGEST_KS}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("updates", [1, 25], ids=["10 vectors", "250 vectors"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_arrays_and_buffers_have_the_same_law(name: str, updates: int, device: str) -> None:
    case = (ALGORITHMS[name], DEVICES[device], MANAGED, mini_batch(), 0.05, updates)
    a, b = (side(*case, n) for side, n in zip((ours, theirs), REPEATS[updates], strict=True))
    assert differing(distances(a, b)) == {}
    if updates > 1:
        (start,) = ours(*case[:-1], 0, 1)["weights"]
        assert float((a["weights"].mean(0) - start).abs().max()) > 0.03


@pytest.mark.parametrize(
    ("name", "change", "array", "updates"),
    [
        ("tt-v1", {"fast_lr": 0.11}, "array 0", 4),
        ("tt-v1", {"transfer_lr": 1.1}, "array 1", 10),
        ("resl, 3 tiles", {"transfer_lr": 1.1}, "array 2", 10),
        ("tt-v2", {"transfer_lr": 0.165}, "buffer", 1),
        ("tt-v2", {"thres_scale": 1.1}, "array 1", 1),
        ("tt-v2-chopped", {"buffer_granularity": 1.1}, "array 1", 1),
        ("c-ttv2, regular", {"transfer_lr": 0.165}, "buffer", 1),
        ("agad", {"tail_weightening": 1.32}, "array 1", 4),
        ("mp", {"granularity": 0.022}, "weights", 4),
    ],
)
def test_a_factor_ten_percent_off_is_found(name: str, change: dict[str, float], array: str, updates: int) -> None:
    case = (DEVICES["constant-step"], MANAGED, mini_batch(), 0.05, updates)
    changed = ALGORITHMS[name].model_copy(update=change)
    assert array in differing(distances(ours(changed, *case, 4000), theirs(ALGORITHMS[name], *case, 1000)))
