"""Vector cells: which device takes which sample, from which trains, and what is seen of them together.

Axes: R replica, B sample, O out, I in.
"""

from typing import Any

import pytest
import torch
from algorithms_kit import SHAPE, batch, build, start, train

from analogcli.crossbar import Randomness
from analogcli.spec import ConstantStep, SoftBounds, TikiTakaV1, Update, Vector

POLICIES = ("all", "single-fixed", "single-sequential", "single-random")
SAME: dict[str, Any] = {"dw_min_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0, "dw_min_std": 0}
FAR = ConstantStep(tau=100.0, dw_min=0.01, **SAME)
TWICE = FAR.model_copy(update={"dw_min": 0.02})
SEEDS = [3, 1, 4]


def moved(policy: str, samples: int, *, fidelity: Any = "sequential", **given: Any) -> torch.Tensor:
    """Return how far each of three arrays moves [array, R, O, I] when every sample asks each weight for +0.1."""
    spec = Vector(update_policy=policy, further_devices=(FAR, TWICE), **given)
    cell: Any = build(spec, SEEDS, device=FAR, update=Update(fidelity=fidelity))
    ones = torch.ones(len(SEEDS), samples, 1)
    cell.update(ones.expand(-1, -1, SHAPE[1]), -ones.expand(-1, -1, SHAPE[0]), 0.1, Randomness(SEEDS))
    return torch.stack([array.w_ROI.clone() for array in cell.arrays])


# Trains are made for the mean granularity 0.04/3, and each device answers a pulse with its own: 0.1 becomes 3/4 or 3/2.
OF_ONE = 0.1 * torch.tensor([3 / 4, 3 / 4, 3 / 2])


def test_all_devices_take_every_sample_and_each_answers_with_its_own_pulse() -> None:
    torch.testing.assert_close(moved("all", 3, fidelity="mean-field").mean((1, 2, 3)), 3 * OF_ONE)


def test_all_devices_take_the_same_trains() -> None:
    first, second, twice = moved("all", 3)
    torch.testing.assert_close(first, second, atol=1e-5, rtol=0)
    torch.testing.assert_close(2 * first, twice, atol=1e-5, rtol=0)
    assert first.std() > 0.001


def test_the_fixed_device_is_the_first() -> None:
    after = moved("single-fixed", 3, fidelity="mean-field").mean((1, 2, 3))
    torch.testing.assert_close(after, torch.tensor([3 * OF_ONE[0], 0, 0]))


@pytest.mark.parametrize(("samples", "each"), [(1, [0, 1, 0]), (2, [0, 1, 1]), (4, [1, 2, 1]), (6, [2, 2, 2])])
def test_in_sequence_the_second_device_is_the_first_to_learn(samples: int, each: list[int]) -> None:
    after = moved("single-sequential", samples, fidelity="mean-field").mean((1, 2, 3))
    torch.testing.assert_close(after, torch.tensor(each) * OF_ONE)


def test_the_sequence_goes_on_over_mini_batches() -> None:
    cell: Any = build(Vector(update_policy="single-sequential", further_devices=(FAR,)), [0], device=FAR)
    for _ in range(2):
        cell.update(torch.ones(1, 1, SHAPE[1]), -torch.ones(1, 1, SHAPE[0]), 0.1, Randomness([0]))
    assert all(float(array.w_ROI.mean()) > 0.05 for array in cell.arrays)


def test_by_chance_every_device_learns_a_third_of_the_samples_and_models_choose_their_own() -> None:
    n = 900
    shares = moved("single-random", n, fidelity="mean-field").mean((2, 3)) / n / OF_ONE[:, None]
    # Five standard deviations of a binomial share; a wrong one would differ by 1/6 at least.
    assert float((shares - 1 / 3).abs().max()) < 5 * (2 / 9 / n) ** 0.5
    assert not torch.equal(shares[:, 0], shares[:, 1])


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_seen_is_the_weighted_sum(policy: str) -> None:
    spec = Vector(update_policy=policy, further_devices=(FAR, TWICE), gamma_vec=(0.5, -1.0, 2.0))
    cell: Any = build(spec, SEEDS, device=FAR)
    randomness = Randomness(SEEDS)
    cell.set_weights(start(SEEDS), randomness)
    written = 0.5 if policy == "single-fixed" else 0.5 - 1.0 + 2.0
    torch.testing.assert_close(cell.visible(), written * start(SEEDS))
    train(cell, randomness, SEEDS, range(5))
    a, b, c = (array.w_ROI for array in cell.arrays)
    torch.testing.assert_close(cell.visible(), 0.5 * a - b + 2.0 * c)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("fidelity", ["sequential", "chunked"])
def test_a_model_among_others_learns_as_it_does_alone(policy: str, fidelity: Any) -> None:
    spec, update = Vector(update_policy=policy, further_devices=(SoftBounds(dw_min=0.02),)), Update(fidelity=fidelity)
    together, randomness = build(spec, SEEDS, update=update), Randomness(SEEDS)
    train(together, randomness, SEEDS, range(10))
    alone = build(spec, [SEEDS[1]], update=update)
    train(alone, Randomness([SEEDS[1]]), [SEEDS[1]], range(10))
    torch.testing.assert_close(together.visible()[1], alone.visible()[0], atol=1e-6, rtol=0)


def test_one_device_alone_is_analog_sgd_in_the_mean() -> None:
    x_RBI, d_RBO = batch([0], 0)
    weights = []
    for spec in (Vector(), Vector(further_devices=(DEVICE, DEVICE))):
        cell = build(spec, [0], device=DEVICE, update=Update(fidelity="mean-field"))
        cell.update(x_RBI, d_RBO, 0.1, Randomness([0]))
        weights.append(cell.visible().clone())
    torch.testing.assert_close(*weights)


DEVICE = SoftBounds(**SAME)


def test_the_fast_array_may_have_other_devices() -> None:
    cell: Any = build(TikiTakaV1(fast_device=TWICE), device=FAR)
    assert [array.law.spec for array in cell.arrays] == [TWICE, FAR]
