"""The population law: moments of the drawn devices, and which seed decides them."""

import math

import torch

from analogcli.crossbar import Population, draw_population
from analogcli.nn import Chip
from analogcli.spec import Mapping, Periphery, SoftBounds, Update

SHAPE = (300, 300)
N = SHAPE[0] * SHAPE[1]
SIGMAS = 4.5
"""Sampling errors allowed; with a fixed seed a test that passes once always passes."""


def drawn(**fields: float) -> Population:
    return draw_population(SoftBounds(**fields), SHAPE, torch.Generator().manual_seed(0))  # type: ignore[arg-type]


def near(sample: torch.Tensor, mean: float, std: float) -> bool:
    mean_error = abs(float(sample.mean()) - mean) / (std / math.sqrt(N))
    std_error = abs(float(sample.std()) - std) / (std / math.sqrt(2 * N))
    return mean_error < SIGMAS and std_error < SIGMAS


def test_moments_follow_the_spec() -> None:
    p = drawn(tau=0.6, w_max_dtod=0.2, w_min_dtod=0.1, dw_min_dtod=0.2, up_down_dtod=0.05, up_down=0.1)
    assert near(p.w_max_OI, 0.6, 0.12)
    assert near(p.w_min_OI, -0.6, 0.06)
    assert near((p.scale_up_OI + p.scale_down_OI) / 2, 0.95, 0.2)
    assert near((p.scale_up_OI - p.scale_down_OI) / 2, 0.05, 0.05)


def test_the_moments_test_rejects_a_spread_that_is_two_percent_off() -> None:
    assert not near(drawn(tau=0.6, w_max_dtod=0.2 * 1.02).w_max_OI, 0.6, 0.12)


def test_positive_up_down_weakens_the_down_pulse_and_negative_the_up_pulse() -> None:
    still = {"dw_min_dtod": 0.0, "up_down_dtod": 0.0}
    down, up = drawn(up_down=0.25, **still), drawn(up_down=-0.25, **still)
    assert float(down.scale_up_OI.mean()) == 1 and float(down.scale_down_OI.mean()) == 0.75
    assert float(up.scale_up_OI.mean()) == 0.75 and float(up.scale_down_OI.mean()) == 1


def test_no_device_is_impossible_however_large_the_spread() -> None:
    p = drawn(w_max_dtod=1.5, w_min_dtod=1.5, dw_min_dtod=2.0)
    assert float(p.w_max_OI.min()) >= 0 >= float(p.w_min_OI.max())
    assert min(float(p.scale_up_OI.min()), float(p.scale_down_OI.min())) >= 0


def w_max(seed: int, name: str, construction_seed: int | None) -> torch.Tensor:
    device = SoftBounds(construction_seed=construction_seed)
    chip = Chip(device, Periphery(), Mapping(), Update(fidelity="mean-field"), seed, torch.Generator())
    return chip.tile(name, (3, 4)).law.population.w_max_OI


def test_devices_follow_the_seed_of_the_model_unless_a_construction_seed_is_given() -> None:
    assert not torch.equal(w_max(1, "a", None), w_max(2, "a", None))
    assert torch.equal(w_max(1, "a", 7), w_max(2, "a", 7))
    assert not torch.equal(w_max(1, "a", 7), w_max(1, "a", 8))


def test_tiles_of_one_model_have_different_devices() -> None:
    assert not torch.equal(w_max(1, "a", 7), w_max(1, "b", 7))
