"""Theory of the papers in the mean field: drift at a critical point, and the floor that Tiki-Taka does not have.

P24 is arXiv 2406.12774, P25 is 2502.06309. Axes: R replica, B sample, O out, I in.
"""

from typing import Any

import pytest
import torch
from algorithms_kit import PERFECT, build
from torch import Tensor

from analogcli.crossbar import Randomness
from analogcli.spec import AnalogSgd, ResidualLearningV1, ResidualLearningV2, SoftBounds, TikiTakaV1, Update

TAU = 0.8
SAME: dict[str, Any] = {"dw_min_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0, "dw_min_std": 0}
DEVICE = SoftBounds(tau=TAU, dw_min=1e-3, **SAME)
MEAN_FIELD = Update(fidelity="mean-field")


def after_noise(algorithm: Any, w: float, noise: float, lr: float, fast: float = 0.0) -> tuple[float, float]:
    """Return the mean weights of first and last array after one sample of gradient noise, ``noise`` up or down."""
    firsts, lasts = [], []
    for sign in (-1.0, 1.0):
        cell: Any = build(algorithm, device=DEVICE, update=MEAN_FIELD, shape=(1, 1))
        randomness = Randomness([0])
        cell.set_weights(torch.full((1, 1, 1), w), randomness)
        if fast:
            cell.arrays[0].set_weights(torch.full((1, 1, 1), fast), randomness)
        cell.update(torch.ones(1, 1, 1), torch.full((1, 1, 1), sign * noise), lr, randomness)
        arrays = getattr(cell, "arrays", None) or [cell.array]
        firsts.append(float(arrays[0].w_ROI))
        lasts.append(float(arrays[-1].w_ROI))
    return sum(firsts) / 2, sum(lasts) / 2


@pytest.mark.parametrize("w", [-0.6, 0.1, 0.5])
@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_at_a_critical_point_analog_sgd_drifts_by_the_noise_times_the_weight_over_tau(w: float, noise: float) -> None:
    lr = 0.02
    mean, _ = after_noise(AnalogSgd(), w, noise, lr)
    assert mean - w == pytest.approx(-lr / TAU * noise * w, rel=1e-4)  # P24 eq 11


@pytest.mark.parametrize("w", [-0.6, 0.1, 0.5])
@pytest.mark.parametrize("noise", [0.3, 1.0])
@pytest.mark.parametrize("fast_lr", [0.05, 0.1])
def test_at_a_critical_point_tiki_taka_drifts_less_by_the_factor_of_the_fast_rate(
    w: float, noise: float, fast_lr: float
) -> None:
    rate = 0.2
    algorithm = TikiTakaV1(fast_lr=fast_lr, transfer_lr=rate, scale_transfer_lr=False, transfer_read=PERFECT)
    _, mean = after_noise(algorithm, w, noise, lr=1.0)
    assert mean - w == pytest.approx(-fast_lr * rate / TAU * noise * w, rel=1e-3)  # P24 eq 12


def test_noise_pulls_the_fast_array_to_its_symmetric_point() -> None:
    algorithm = TikiTakaV1(fast_lr=0.1, transfer_lr=0.2, transfer_read=PERFECT)
    mean, _ = after_noise(algorithm, 0.3, 0.5, lr=1.0, fast=0.4)
    assert mean == pytest.approx((1 - 0.1 / TAU * 0.5) * 0.4, rel=1e-5)  # P24 eq 13


OPTIMUM = torch.tensor([[0.5, -0.4, 0.3, -0.2, 0.45]])
NOISE = 0.5
RATE = {"fast_lr": 0.05, "n_reads_per_transfer": 5, "transfer_lr": 0.05, "scale_transfer_lr": False}
TIKI_TAKA = {
    "tt-v1": TikiTakaV1(**RATE, transfer_read=PERFECT),
    "rl-v1": ResidualLearningV1(**RATE, gamma=0.4, transfer_read=PERFECT),
    "rl-v2": ResidualLearningV2(fast_lr=0.05, scale_fast_lr=False, transfer_lr=0.5, gamma=0.4, transfer_read=PERFECT),
}


def mean_weights(algorithm: Any, steps: int = 6000) -> Tensor:
    """Return the weights of noisy least squares, ½ E(w x − w* x + noise)², averaged over the second half of the run."""
    g = torch.Generator().manual_seed(1)
    cell, randomness = build(algorithm, device=DEVICE, update=MEAN_FIELD, shape=(1, 5)), Randomness([0])
    total = torch.zeros(1, 1, 5)
    for step in range(steps):
        x_RBI = torch.randn(1, 5, 5, generator=g)
        noise_RBO = NOISE * torch.randn(1, 5, 1, generator=g)
        d_RBO = (x_RBI @ (cell.visible() - OPTIMUM).mT + noise_RBO) / 5
        cell.update(x_RBI, d_RBO, 0.05, randomness)
        if step >= steps // 2:
            total += cell.visible()
    return (total / (steps - steps // 2))[0]


def floor(algorithm: Any) -> float:
    """Return how far the mean weights stay from the optimum [per weight]."""
    return float((mean_weights(algorithm) - OPTIMUM).norm() / OPTIMUM.norm())


def test_analog_sgd_keeps_a_distance_from_the_optimum_where_the_implicit_penalty_says() -> None:
    # P25 theorem 1: the penalty Σ w²/(2τ) moves the optimum of ½ (w − w*)² to w*/(1 + Σ/τ), with Σ = E|g| of a sample.
    sigma = NOISE * (2 / torch.pi) ** 0.5 * (2 / torch.pi) ** 0.5
    expected = 1 - 1 / (1 + sigma / TAU)
    assert floor(AnalogSgd()) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("kind", TIKI_TAKA)
def test_tiki_taka_and_residual_learning_have_no_floor(kind: str) -> None:
    # The mean of 3,000 noisy steps is known to about 0.02; that of Analog SGD stays at 0.3.
    assert floor(TIKI_TAKA[kind]) < 0.05


def test_residual_learning_needs_the_symmetric_point_of_its_fast_array_at_zero() -> None:
    # P25 corollary 1: with w_s ≠ 0 noise drives A to w_s, and what C learns from it is wrong.
    shifted = SoftBounds(tau=TAU, dw_min=1e-3, up_down=0.5, **SAME)
    weights = []
    for device in (DEVICE, shifted):
        cell: Any = build(TIKI_TAKA["rl-v1"], device=device, update=MEAN_FIELD, shape=(1, 5))
        randomness, g = Randomness([0]), torch.Generator().manual_seed(1)
        for _ in range(3000):
            x_RBI = torch.randn(1, 5, 5, generator=g)
            d_RBO = (x_RBI @ (cell.visible() - OPTIMUM).mT + NOISE * torch.randn(1, 5, 1, generator=g)) / 5
            cell.update(x_RBI, d_RBO, 0.05, randomness)
        weights.append(float((cell.visible() - OPTIMUM).norm()))
    assert weights[1] > 2 * weights[0]
