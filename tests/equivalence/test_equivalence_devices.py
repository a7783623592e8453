"""Populations have AIHWKit's moments, and the mean-field update is the mean of AIHWKit's pulses on the same devices."""

from typing import Any

import kit
import pytest
import torch
from torch import Tensor

from analogcli.crossbar import Population, ResponseLaw, draw_population, mean_field_update
from analogcli.crossbar.power import PowerLaw
from analogcli.crossbar.soft_bounds import SoftBoundsLaw
from analogcli.spec import PowerStep, SoftBounds

reason = kit.why_not()
pytestmark = [pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason)]

POPULATION = {
    "dw_min_dtod": 0.3, "w_max_dtod": 0.3, "w_min_dtod": 0.2, "up_down": 0.15, "up_down_dtod": 0.05,
}  # fmt: skip
DW_MIN = 2e-4


def soft_bounds(dw_min: float = DW_MIN, **fields: Any) -> Any:
    from aihwkit.simulator.configs import SoftBoundsReferenceDevice

    return SoftBoundsReferenceDevice(dw_min=dw_min, **fields)


def moments(p: Population) -> Tensor:
    """Means, spreads and the correlation of up and down scale: 9 numbers."""
    parts = torch.stack([p.scale_up_OI, p.scale_down_OI, p.w_max_OI, p.w_min_OI]).flatten(1)
    correlation = torch.corrcoef(parts[:2])[0, 1]
    return torch.cat([parts.mean(1), parts.std(1), correlation[None]])


def test_populations_have_the_same_moments() -> None:
    shape = (400, 400)
    theirs = kit.population(kit.tile(shape, soft_bounds(w_max=0.6, w_min=-0.6, **POPULATION)), DW_MIN)
    ours = draw_population(SoftBounds.model_validate(POPULATION), shape, torch.Generator().manual_seed(0))
    # 160,000 devices a side: standard errors are at most 0.3·√(2/160,000) = 0.001.
    torch.testing.assert_close(ours.scale_up_OI.max(), theirs.scale_up_OI.max(), rtol=0.15, atol=0)
    torch.testing.assert_close(moments(ours), moments(theirs), atol=0.006, rtol=0)


def test_the_moments_reject_an_asymmetry_that_acts_on_the_other_side() -> None:
    shape = (400, 400)
    theirs = kit.population(kit.tile(shape, soft_bounds(w_max=0.6, w_min=-0.6, **POPULATION)), DW_MIN)
    flipped = SoftBounds.model_validate(POPULATION | {"up_down": -0.15})
    ours = draw_population(flipped, shape, torch.Generator().manual_seed(0))
    assert float((moments(ours) - moments(theirs)).abs().max()) > 0.1


def soft_bounds_pair(shape: tuple[int, int], shift: bool) -> tuple[Any, ResponseLaw]:
    device = soft_bounds(w_max=0.6, w_min=-0.6, subtract_symmetry_point=shift, **POPULATION)
    theirs = kit.tile(shape, device, lr=LR)
    spec = SoftBounds(dw_min=DW_MIN, subtract_symmetry_point=shift)
    return theirs, SoftBoundsLaw(spec, kit.population(theirs, DW_MIN))


def power_pair(shape: tuple[int, int], gamma_res: float) -> tuple[Any, ResponseLaw]:
    from aihwkit.simulator.configs import PowStepDevice

    scaled = 2**gamma_res * DW_MIN
    device = PowStepDevice(dw_min=scaled, pow_gamma=gamma_res, pow_gamma_dtod=0.0, w_max=0.6, w_min=-0.6, **POPULATION)
    theirs = kit.tile(shape, device, lr=LR)
    return theirs, PowerLaw(PowerStep(dw_min=DW_MIN, gamma_res=gamma_res), kit.population(theirs, scaled))


LR = 2e-3
SHAPE = (6, 8)
PAIRS = {
    "soft-bounds": lambda: soft_bounds_pair(SHAPE, shift=False),
    "soft-bounds-shifted": lambda: soft_bounds_pair(SHAPE, shift=True),
    "power-0.5": lambda: power_pair(SHAPE, 0.5),
    "power-2": lambda: power_pair(SHAPE, 2.0),
}


def disagreement(pair: str, lr: float) -> float:
    """Largest difference between AIHWKit's mean and our update at ``lr``, in units of what may be there by chance."""
    theirs, law = PAIRS[pair]()
    g = torch.Generator().manual_seed(0)
    w = law.lower_OI + (0.2 + 0.6 * torch.rand(SHAPE, generator=g)) * (law.upper_OI - law.lower_OI)
    # Requests of opposite sign in one batch: |ΔW| summed over samples differs from the absolute value of the sum.
    # None exceeds 1, so that no pulse train is longer than AIHWKit's 31 slots.
    x, d = 2 * torch.rand(4, SHAPE[1], generator=g) - 1, 2 * torch.rand(4, SHAPE[0], generator=g) - 1
    mean, standard_error = kit.mean_after_update(theirs, w, x, d, repeats=600)
    ours = mean_field_update(w, law, x, d, lr)
    # The responses change within the batch: second order, at most |ΔW|² times the slope of q.
    requested = LR * d.abs().T @ x.abs()
    slope = 4 * law.population.scale_up_OI / torch.minimum(law.population.w_max_OI, -law.population.w_min_OI)
    return float(((mean - ours).abs() / (4.5 * standard_error + requested**2 * slope)).max())


@pytest.mark.parametrize("pair", PAIRS)
def test_the_mean_field_update_is_the_mean_of_many_pulsed_updates(pair: str) -> None:
    assert disagreement(pair, LR) < 1


@pytest.mark.parametrize("pair", PAIRS)
def test_the_comparison_rejects_a_learning_rate_ten_percent_off(pair: str) -> None:
    assert disagreement(pair, 1.1 * LR) > 1
