"""The tables of the compiled loops say what the tensor formulas say: the table's docstring, written out in NumPy."""

from typing import Any

import numpy as np
import pytest
import torch
from crossbar_helpers import law_of, within
from numpy.typing import NDArray

from analogcli.crossbar import LAWS, DeviceTable
from analogcli.crossbar.table import (
    DOWN,
    EXP_STEP,
    EXPONENTIAL,
    HI,
    LINEAR,
    LO,
    NOISE_DOWN,
    NOISE_UP,
    POWER,
    SLOPE_DOWN,
    SLOPE_UP,
    UP,
)  # fmt: skip

Array = NDArray[np.float64]
CASES: list[tuple[str, dict[str, Any]]] = [
    *((kind, {}) for kind in LAWS),
    ("linear-step", {"mult_noise": False}),
    ("soft-bounds", {"mult_noise": True}),
    ("soft-bounds", {"subtract_symmetry_point": True, "up_down": 0.3, "reference_std": 0.05}),
    ("soft-bounds", {"centre": 0.2, "reference_mean": 0.1}),
    ("exp-step", {"dw_min_std_add": 0.04, "dw_min_std_slope": 0.1}),
    ("pow-step", {"pow_up_down": 0.3, "pow_up_down_dtod": 0.1, "pow_gamma_dtod": 0.2}),
]
cases = pytest.mark.parametrize(("kind", "fields"), CASES, ids=[" ".join([k, *map(str, f)]) for k, f in CASES])


def pulses(t: DeviceTable, w: Array) -> tuple[Array, Array]:
    """Sizes of an up and of a down pulse at ``w`` [weight units]."""
    column = t.devices_ROIP.astype(float)
    up, slope_up, down, slope_down = (column[..., i] for i in (UP, SLOPE_UP, DOWN, SLOPE_DOWN))
    low, high = column[..., LO], column[..., HI]
    c = t.constants.astype(float)
    if t.formula == LINEAR:
        return up + slope_up * w, down + slope_down * w
    if t.formula == POWER:
        return up * ((high - w) / (high - low)) ** slope_up, down * ((w - low) / (high - low)) ** slope_down
    if t.formula == EXPONENTIAL:
        return up * np.expm1(slope_up - slope_up * w / high), down * np.expm1(slope_down - slope_down * w / low)
    if t.formula == EXP_STEP:
        z = c[4] * w / (high - low) + c[5]
        return (
            up * np.maximum(1 - c[0] * np.exp(c[1] * z), 0),
            down * np.maximum(1 - c[2] * np.exp(-c[3] * z), 0),
        )
    place, grid = (w - low) / (high - low), np.linspace(0, 1, t.nodes.shape[1])
    return up * np.interp(place, grid, t.nodes[0]), down * np.interp(place, grid, t.nodes[1])


@cases
def test_pulses_of_the_table_are_those_of_the_law(kind: str, fields: dict[str, Any]) -> None:
    law = law_of(kind, dw_min=0.01, **fields)
    w = within(law)
    up, down = pulses(law.table, w.numpy().astype(float))
    dw_min = law.spec.dw_min
    np.testing.assert_allclose(up, dw_min * law.q_plus(w).numpy(), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(down, dw_min * law.q_minus(w).numpy(), rtol=1e-4, atol=1e-7)


@cases
def test_bounds_of_the_table_are_those_of_the_law(kind: str, fields: dict[str, Any]) -> None:
    law = law_of(kind, **fields)
    assert np.array_equal(law.table.devices_ROIP[..., LO], law.lower_ROI.numpy())
    assert np.array_equal(law.table.devices_ROIP[..., HI], law.upper_ROI.numpy())


@cases
def test_noise_of_the_table_is_that_of_the_law(kind: str, fields: dict[str, Any]) -> None:
    law = law_of(kind, dw_min=0.01, **fields)
    t, w = law.table, within(law)
    up, down = pulses(t, w.numpy().astype(float))
    for size, column, upwards in ((up, NOISE_UP, True), (down, NOISE_DOWN, False)):
        noise = t.sigma * size + t.devices_ROIP[..., column] + t.sigma_slope * w.abs().numpy()
        expected = law.spec.dw_min * law.cycle_noise(w, torch.full_like(w, upwards, dtype=torch.bool)).numpy()
        np.testing.assert_allclose(noise, expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("kind", [k for k in LAWS if k not in ("ideal", "constant-step")])
def test_write_noise_is_in_weight_units(kind: str) -> None:
    assert law_of(kind, dw_min=0.01, write_noise_std=3.0).table.write_noise == pytest.approx(0.03)
    assert law_of(kind).table.write_noise == 0


def test_the_comparison_finds_a_slope_that_is_one_percent_off() -> None:
    law = law_of("power", gamma_res=2.0)
    w = within(law)
    up, _ = pulses(law_of("power", gamma_res=2.02).table, w.numpy().astype(float))
    assert not np.allclose(up, law.spec.dw_min * law.q_plus(w).numpy(), rtol=1e-4, atol=1e-7)
