"""The population law: moments of the drawn devices, what else varies, and which seed decides them."""

import math
from typing import Any

import torch
from crossbar_helpers import spec_of

from analogcli.crossbar import LAWS, Population
from analogcli.nn import Chip
from analogcli.spec import ConstantStep, SoftBounds

SHAPE = (300, 300)
N = SHAPE[0] * SHAPE[1]
SIGMAS = 4.5
"""Sampling errors allowed; with a fixed seed a test that passes once always passes."""


def drawn(kind: str = "soft-bounds", **fields: Any) -> Any:
    return LAWS[kind].made_of.draw(spec_of(kind, **fields), SHAPE, torch.Generator().manual_seed(0))


def near(sample: torch.Tensor, mean: float, std: float) -> bool:
    mean_error = abs(float(sample.mean()) - mean) / (std / math.sqrt(N))
    std_error = abs(float(sample.std()) - std) / (std / math.sqrt(2 * N))
    return mean_error < SIGMAS and std_error < SIGMAS


def test_moments_follow_the_spec() -> None:
    p = drawn(w_max_dtod=0.2, w_min_dtod=0.1, dw_min_dtod=0.2, up_down_dtod=0.05, up_down=0.1)
    assert near(p.w_max_ROI, 0.6, 0.12)
    assert near(p.w_min_ROI, -0.6, 0.06)
    assert near((p.scale_up_ROI + p.scale_down_ROI) / 2, 0.95, 0.2)
    assert near((p.scale_up_ROI - p.scale_down_ROI) / 2, 0.05, 0.05)


def test_the_moments_test_rejects_a_spread_that_is_two_percent_off() -> None:
    assert not near(drawn(w_max_dtod=0.2 * 1.02).w_max_ROI, 0.6, 0.12)


def test_an_off_centre_range_spreads_around_its_own_bounds() -> None:
    p = drawn(centre=0.2, w_max_dtod=0.1, w_min_dtod=0.1)
    assert near(p.w_max_ROI, 0.8, 0.08)
    assert near(p.w_min_ROI, -0.4, 0.04)


def test_log_normal_pulse_sizes_have_a_normal_logarithm() -> None:
    p = drawn(dw_min_dtod=0.7, dw_min_dtod_log_normal=True, up_down_dtod=0.0)
    assert near(p.scale_up_ROI.log(), 0.0, 0.7)
    assert torch.equal(p.scale_up_ROI, p.scale_down_ROI)


def test_positive_up_down_weakens_the_down_pulse_and_negative_the_up_pulse() -> None:
    still = {"dw_min_dtod": 0.0, "up_down_dtod": 0.0}
    down, up = drawn(up_down=0.25, **still), drawn(up_down=-0.25, **still)
    assert float(down.scale_up_ROI.mean()) == 1 and float(down.scale_down_ROI.mean()) == 0.75
    assert float(up.scale_up_ROI.mean()) == 0.75 and float(up.scale_down_ROI.mean()) == 1


def test_no_device_is_impossible_however_large_the_spread() -> None:
    p = drawn(w_max_dtod=1.5, w_min_dtod=1.5, dw_min_dtod=2.0)
    assert float(p.w_max_ROI.min()) >= 0 >= float(p.w_min_ROI.max())
    assert min(float(p.scale_up_ROI.min()), float(p.scale_down_ROI.min())) >= 0


def test_corrupt_devices_are_as_many_as_asked_stuck_anywhere_in_their_range() -> None:
    p = drawn(corrupt_devices_prob=0.1, corrupt_devices_range=0.2)
    corrupt = p.w_max_ROI == p.w_min_ROI
    assert abs(float(corrupt.float().mean()) - 0.1) < SIGMAS * math.sqrt(0.1 * 0.9 / N)
    assert float(p.scale_up_ROI[corrupt].max()) == float(p.scale_down_ROI[corrupt].max()) == 0
    stuck = p.w_max_ROI[corrupt]
    assert float(stuck.abs().max()) <= 0.2
    # Uniform within ±0.2: standard deviation 0.4/√12, about 9,000 devices (a few have bounds within the range).
    assert abs(float(stuck.mean())) < SIGMAS * 0.4 / math.sqrt(12 * 9000)
    assert abs(float(stuck.std()) / (0.4 / math.sqrt(12)) - 1) < 0.03


def test_slopes_of_linear_steps_and_exponents_of_power_steps_vary() -> None:
    linear = drawn("linear-step", gamma_up=0.5, gamma_up_dtod=0.05, gamma_down=0.7, gamma_down_dtod=0.1)
    assert near(linear.gamma_up_ROI, 0.5, 0.05)
    assert near(linear.gamma_down_ROI, 0.7, 0.1)
    power = drawn("pow-step", pow_gamma=2.0, pow_gamma_dtod=0.1, pow_up_down=0.25, pow_up_down_dtod=0.05)
    assert near((power.gamma_up_ROI + power.gamma_down_ROI) / 2, 2 * 0.875, 0.2)
    assert near((power.gamma_up_ROI - power.gamma_down_ROI) / 2, 2 * 0.125, 0.1)


def test_what_the_spec_does_not_ask_for_is_neither_drawn_nor_kept() -> None:
    p = drawn()
    assert p.keep_ROI is None and p.reset_ROI is None and p.reference_error_ROI is None
    assert drawn("linear-step", gamma_up_dtod=0.0).gamma_up_ROI is None
    plain, further = drawn(), drawn(lifetime=10.0, reset_dtod=0.1, corrupt_devices_prob=0.0)
    assert torch.equal(plain.scale_up_ROI, further.scale_up_ROI)


def test_populations_are_stacked_along_the_replicas() -> None:
    parts = [drawn("pow-step"), drawn("pow-step", pow_gamma=2.0)]
    both = type(parts[0]).stack(parts)
    assert isinstance(both, Population) and both.scale_up_ROI.shape == (2, *SHAPE)
    assert torch.equal(both.gamma_up_ROI[1:], parts[1].gamma_up_ROI)


def w_max(seed: int, name: str, construction_seed: int | None) -> torch.Tensor:
    chip = Chip(ConstantStep(construction_seed=construction_seed), seeds=(seed,))
    cell: Any = chip.tile(name, (3, 4)).cell
    bounds: torch.Tensor = cell.array.law.upper_ROI
    return bounds


def test_devices_follow_the_seed_of_the_model_unless_a_construction_seed_is_given() -> None:
    assert not torch.equal(w_max(1, "a", None), w_max(2, "a", None))
    assert torch.equal(w_max(1, "a", 7), w_max(2, "a", 7))
    assert not torch.equal(w_max(1, "a", 7), w_max(1, "a", 8))


def test_tiles_of_one_model_have_different_devices() -> None:
    assert not torch.equal(w_max(1, "a", 7), w_max(1, "b", 7))


def test_soft_bounds_slopes_vary_with_their_bounds() -> None:
    plain, varied = drawn(dw_min_dtod=0.0), drawn(dw_min_dtod=0.0, slope_up_dtod=0.1)
    assert near(plain.w_max_ROI / varied.w_max_ROI, 1.0, 0.1)
    assert torch.equal(plain.w_min_ROI, varied.w_min_ROI)
    assert SoftBounds(slope_up_dtod=0.1).w_max == 0.6
