"""Every device law: responses vanish at the bounds, pulses never leave them, and the laws meet in their limits."""

import pytest
import torch
from crossbar_helpers import IDEAL, TAU, law_of, within

from analogcli.crossbar import LAWS, draw_devices, mean_field_update
from analogcli.spec import ExponentialStep, PowerStep, SoftBounds

kinds = pytest.mark.parametrize("kind", LAWS)


@kinds
def test_responses_vanish_at_the_bound_they_move_to_and_are_positive_below(kind: str) -> None:
    law = law_of(kind)
    w = within(law)
    torch.testing.assert_close(law.q_plus(law.upper_OI), torch.zeros_like(w), atol=1e-6, rtol=0)
    torch.testing.assert_close(law.q_minus(law.lower_OI), torch.zeros_like(w), atol=1e-6, rtol=0)
    assert bool((law.q_plus(w) > 0).all() and (law.q_minus(w) > 0).all())


@kinds
def test_f_and_g_are_half_sum_and_half_difference(kind: str) -> None:
    law = law_of(kind, up_down=0.2)
    w = within(law)
    f, g = law.f_and_g(w)
    torch.testing.assert_close(f - g, law.q_plus(w))
    torch.testing.assert_close(f + g, law.q_minus(w))


@kinds
def test_an_ideal_device_answers_a_requested_change_in_full_at_zero(kind: str) -> None:
    law = law_of(kind, **IDEAL)
    zero = torch.zeros(5, 7)
    torch.testing.assert_close(law.q_plus(zero), torch.ones(5, 7))
    torch.testing.assert_close(law.q_minus(zero), torch.ones(5, 7))


@kinds
def test_weights_stay_within_the_bounds_of_their_devices(kind: str) -> None:
    law = law_of(kind, w_max_dtod=0.3, w_min_dtod=0.3)
    g = torch.Generator().manual_seed(2)
    w = within(law)
    for _ in range(50):
        x, d = torch.randn(4, 7, generator=g), torch.randn(4, 5, generator=g)
        w = mean_field_update(w, law, x, d, lr=0.3)
        assert bool(((w >= law.lower_OI) & (w <= law.upper_OI)).all())


def test_requests_up_to_tau_need_no_clipping_on_ideal_soft_bounds() -> None:
    """P24 theorem 1: |W| ≤ τ and |ΔW| ≤ τ give |W'| ≤ τ."""
    law = law_of("soft-bounds", **IDEAL)
    w, dw = within(law), within(law, seed=2)
    f, g = law.f_and_g(w)
    assert float((w + dw * f - dw.abs() * g).abs().max()) <= TAU + 1e-6


def test_power_with_exponent_one_is_soft_bounds() -> None:
    power, soft = law_of("power", gamma_res=1.0, dw_min_dtod=0.3), law_of("soft-bounds", w_max_dtod=0, w_min_dtod=0)
    w = within(soft)
    torch.testing.assert_close(power.q_plus(w), soft.q_plus(w))
    torch.testing.assert_close(power.q_minus(w), soft.q_minus(w))


def test_exponential_tends_to_soft_bounds_for_small_curvature() -> None:
    soft = law_of("soft-bounds", **IDEAL)
    w = within(soft)
    errors = []
    for gamma in (1.0, 0.1, 0.01):
        law = law_of("exponential", gamma_res=gamma, **IDEAL)
        errors.append(float((law.q_plus(w) - soft.q_plus(w)).abs().max()))
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
    assert errors[2] < 0.01


def test_power_and_exponential_have_the_values_of_the_paper() -> None:
    """P25 Fig. 5: q₊ = (1 − w/τ)^γ and (e^{γ(1 − w/τ)} − 1)/(e^γ − 1), here at w = −τ/2."""
    w = torch.full((1, 1), -TAU / 2)
    power = draw_devices(PowerStep(tau=TAU, gamma_res=2.0, **IDEAL), (1, 1), torch.Generator())
    exponential = draw_devices(ExponentialStep(tau=TAU, gamma_res=2.0, **IDEAL), (1, 1), torch.Generator())
    assert float(power.q_plus(w)) == pytest.approx(2.25)
    assert float(power.q_minus(w)) == pytest.approx(0.25)
    assert float(exponential.q_plus(w)) == pytest.approx((20.085537 - 1) / (7.389056 - 1))
    assert float(exponential.q_minus(w)) == pytest.approx((2.718282 - 1) / (7.389056 - 1))


def test_subtracting_the_symmetry_point_puts_it_at_zero() -> None:
    spec = SoftBounds(tau=TAU, up_down=0.3, up_down_dtod=0.1, subtract_symmetry_point=True)
    shifted = draw_devices(spec, (20, 20), torch.Generator().manual_seed(0))
    unshifted = spec.model_copy(update={"subtract_symmetry_point": False})
    plain = draw_devices(unshifted, (20, 20), torch.Generator().manual_seed(0))
    zero = torch.zeros(20, 20)
    assert float(plain.f_and_g(zero)[1].abs().max()) > 0.1
    torch.testing.assert_close(shifted.f_and_g(zero)[1], zero, atol=1e-6, rtol=0)
    torch.testing.assert_close(shifted.upper_OI - shifted.lower_OI, plain.upper_OI - plain.lower_OI)
