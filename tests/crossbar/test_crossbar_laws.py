"""Every device law: responses end at the bounds, pulses never leave them, and the laws meet in their limits."""

import math
from typing import Any

import pytest
import torch
from crossbar_helpers import EQUAL, SOFT, TAU, law_of, within
from torch import Tensor

from analogcli.crossbar import LAWS, CrossbarArray, Randomness, mean_field_update
from analogcli.spec import Pulses, Update

kinds = pytest.mark.parametrize("kind", LAWS)
pulsed_kinds = pytest.mark.parametrize("kind", [kind for kind in LAWS if kind != "ideal"])


def at(w: float) -> Tensor:
    return torch.full((1, 1, 1), w)


def one(kind: str, **fields: Any) -> Any:
    """The law of one mean device."""
    return law_of(kind, shape=(1, 1), replicas=1, **(EQUAL | fields))


@pytest.mark.parametrize("kind", SOFT)
def test_responses_end_at_the_bound_they_move_to_and_are_positive_before(kind: str) -> None:
    law = law_of(kind)
    w = within(law)
    torch.testing.assert_close(law.q_plus(law.upper_ROI), torch.zeros_like(w), atol=2e-6, rtol=0)
    torch.testing.assert_close(law.q_minus(law.lower_ROI), torch.zeros_like(w), atol=2e-6, rtol=0)
    assert bool((law.q_plus(w) > 0).all() and (law.q_minus(w) > 0).all())


@kinds
def test_f_and_g_are_half_sum_and_half_difference(kind: str) -> None:
    law = law_of(kind, up_down=0.2)
    w = within(law)
    f, g = law.f_and_g(w)
    torch.testing.assert_close(f - g, law.q_plus(w))
    torch.testing.assert_close(f + g, law.q_minus(w))


@pytest.mark.parametrize("kind", ["ideal", "constant-step", "linear-step", "soft-bounds", "power", "exponential"])
def test_a_mean_device_answers_a_requested_change_in_full_at_zero(kind: str) -> None:
    law = law_of(kind, **EQUAL)
    zero = torch.zeros_like(law.upper_ROI)
    torch.testing.assert_close(law.q_plus(zero), torch.ones_like(zero))
    torch.testing.assert_close(law.q_minus(zero), torch.ones_like(zero))


WAYS = {
    "mean-field": Update(fidelity="mean-field"),
    "sequential": Update(fidelity="sequential"),
    "chunked": Update(),
    "chunked, lines": Update(),
    "mean-count": Update(pulse_type="mean-count"),
    "deterministic": Update(pulse_type="deterministic", fidelity="sequential"),
}
"""Every way for a request to reach the devices."""


@pulsed_kinds
@pytest.mark.parametrize("way", WAYS)
def test_weights_stay_within_the_bounds_of_their_devices(kind: str, way: str) -> None:
    array = CrossbarArray(law_of(kind, w_max_dtod=0.3, w_min_dtod=0.3, dw_min=0.02, dw_min_std=1.0))
    randomness, g = Randomness((0, 1)), torch.Generator().manual_seed(2)
    array.set_weights(within(array.law), randomness)
    for _ in range(10):
        x, d = torch.randn(2, 4, 7, generator=g), torch.randn(2, 4, 5, generator=g)
        x = x.mT.contiguous().mT if "lines" in way else x
        array.pulse(x, d, 0.3, WAYS[way], randomness)
        assert bool(((array.w_ROI >= array.law.lower_ROI) & (array.w_ROI <= array.law.upper_ROI)).all())


@pulsed_kinds
@pytest.mark.parametrize("fidelity", ["mean-field", "sequential", "chunked"])
def test_corrupt_devices_are_stuck(kind: str, fidelity: Any) -> None:
    array = CrossbarArray(law_of(kind, corrupt_devices_prob=0.5, dw_min=0.02))
    law, randomness = array.law, Randomness((0, 1))
    stuck = law.upper_ROI == law.lower_ROI
    assert 0.2 < float(stuck.float().mean()) < 0.8
    before, g = array.w_ROI.clone(), torch.Generator().manual_seed(2)
    for _ in range(5):
        x, d = torch.randn(2, 4, 7, generator=g), torch.randn(2, 4, 5, generator=g)
        array.pulse(x, d, 0.1, Update(fidelity=fidelity), randomness)
    assert torch.equal(array.w_ROI[stuck], before[stuck])
    assert bool((array.w_ROI[~stuck] != before[~stuck]).any())
    assert bool(array.w_ROI.isfinite().all())


def test_ideal_devices_follow_every_request_exactly_however_far() -> None:
    array = CrossbarArray(law_of("ideal"))
    x, d = torch.randn(2, 4, 7), torch.randn(2, 4, 5)
    array.pulse(x, d, 10.0, Pulses(), Randomness((0, 1)))
    torch.testing.assert_close(array.w_ROI, -10 * d.mT @ x)
    assert array.law.ideal


@kinds
def test_each_replica_is_what_it_is_alone(kind: str) -> None:
    together, w = law_of(kind, replicas=3, lifetime=50, reset_dtod=0.1), torch.zeros(1, 5, 7)
    for r in range(3):
        alone = LAWS[kind].draw(together.spec, (5, 7), [torch.Generator().manual_seed(r)])
        assert torch.equal(alone.q_plus(w)[0], together.q_plus(w)[r])
        assert torch.equal(alone.upper_ROI[0], together.upper_ROI[r])


# Closed forms of the papers and of AIHWKit, at one weight.


def test_power_and_exponential_have_the_values_of_the_paper() -> None:
    """P25 Fig. 5: q₊ = (1 − w/τ)^γ and (e^{γ(1 − w/τ)} − 1)/(e^γ − 1), here at w = −τ/2."""
    power, exponential = one("power", gamma_res=2.0), one("exponential", gamma_res=2.0)
    assert float(power.q_plus(at(-TAU / 2))) == pytest.approx(2.25)
    assert float(power.q_minus(at(-TAU / 2))) == pytest.approx(0.25)
    assert float(exponential.q_plus(at(-TAU / 2))) == pytest.approx((20.085537 - 1) / (7.389056 - 1))
    assert float(exponential.q_minus(at(-TAU / 2))) == pytest.approx((2.718282 - 1) / (7.389056 - 1))


def test_linear_step_decreases_by_gamma_on_the_way_to_the_bound() -> None:
    law = one("linear-step", gamma_up=0.4, gamma_down=0.7, gamma_up_dtod=0, gamma_down_dtod=0)
    assert float(law.q_plus(at(TAU))) == pytest.approx(0.6)
    assert float(law.q_plus(at(-TAU / 2))) == pytest.approx(1.2)
    assert float(law.q_minus(at(-TAU))) == pytest.approx(0.3)


def test_linear_step_counts_gamma_to_the_mean_bound_or_to_the_devices_own() -> None:
    fields = {"gamma_up_dtod": 0, "gamma_down_dtod": 0, "dw_min_dtod": 0, "up_down_dtod": 0}
    mean, own = (law_of("linear-step", **fields, mean_bound_reference=m) for m in (True, False))
    w = within(mean)
    torch.testing.assert_close(mean.q_plus(w), 1 - 0.4 * w / TAU)
    torch.testing.assert_close(own.q_plus(w), 1 - 0.4 * w / own.upper_ROI)


def test_exp_step_has_the_values_of_its_formula() -> None:
    law = one("exp-step")
    w = 0.25
    z = -0.5 * w / TAU - 0.5
    assert float(law.q_plus(at(w))) == pytest.approx(1 + 1.2 * math.exp(5 * z))
    assert float(law.q_minus(at(w))) == pytest.approx(1 + 0.08 * math.exp(-5 * z))
    steep = one("exp-step", A_up=0.5, gamma_up=10, a=1, b=0.0)
    assert float(steep.q_plus(at(0.5))) == 0


def test_pow_step_has_aihwkits_normalisation() -> None:
    law = one("pow-step", pow_gamma=1.5, pow_gamma_dtod=0)
    assert float(law.q_plus(at(TAU / 2))) == pytest.approx(0.25**1.5)
    assert float(law.q_minus(at(TAU / 2))) == pytest.approx(0.75**1.5)


def test_piecewise_is_linear_between_its_nodes() -> None:
    law = one("piecewise", piecewise_up=[2.0, 1.0, 0.5], piecewise_down=[0.5, 1.0, 3.0])
    assert [float(law.q_plus(at(w * TAU))) for w in (-1, -0.5, 0, 0.5, 1)] == pytest.approx([2, 1.5, 1, 0.75, 0.5])
    assert float(law.q_minus(at(0.75 * TAU))) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("kind", "fields", "pulses"),
    [
        ("constant-step", {}, 1.0),
        ("soft-bounds", {"up_down": 0.3}, 1.0),
        ("power", {"gamma_res": 2.0}, 1.0),
        ("pow-step", {"pow_gamma": 1.0}, 0.5),
        ("pow-step", {"pow_gamma": 2.0}, 0.25),
        ("exp-step", {"A_down": 0.36833, "gamma_down": 12.78785, "b": 0.2425}, 0.98342),
        ("exp-step", {"A_down": 2.0, "gamma_down": 1.0, "b": 0.0}, 1.0),
        ("piecewise", {"piecewise_up": [2.0, 0.7, 0.5], "piecewise_down": [0.5, 1.0, 3.0]}, 0.7),
    ],
)
def test_the_granularity_is_aihwkits(kind: str, fields: dict[str, Any], pulses: float) -> None:
    assert law_of(kind, dw_min=0.002, **fields).granularity == pytest.approx(0.002 * pulses, rel=1e-4)


# Limits in which two laws are one.


def same(a: Any, b: Any, factor: float = 1.0) -> None:
    w = within(a)
    torch.testing.assert_close(factor * a.q_plus(w), b.q_plus(w), atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(factor * a.q_minus(w), b.q_minus(w), atol=2e-6, rtol=1e-5)


def test_power_with_exponent_one_is_soft_bounds() -> None:
    same(law_of("power", gamma_res=1.0), law_of("soft-bounds", w_max_dtod=0, w_min_dtod=0))


def test_pow_step_with_exponent_one_and_twice_the_pulse_is_soft_bounds() -> None:
    equal = {"pow_gamma": 1.0, "pow_gamma_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0}
    same(law_of("pow-step", **equal), law_of("soft-bounds", w_max_dtod=0, w_min_dtod=0), factor=2.0)


def test_linear_without_a_shift_is_soft_bounds() -> None:
    same(law_of("linear", c_lin=0.0), law_of("soft-bounds", w_max_dtod=0, w_min_dtod=0))


def test_linear_step_that_decreases_to_nothing_at_its_own_bound_is_soft_bounds() -> None:
    full = {"gamma_up": 1, "gamma_down": 1, "gamma_up_dtod": 0, "gamma_down_dtod": 0, "mean_bound_reference": False}
    same(law_of("linear-step", **full), law_of("soft-bounds", mult_noise=True))


def test_a_custom_device_with_the_formulas_of_power_is_power() -> None:
    custom, power = law_of("custom", parameters={"gamma": 2.0}), law_of("power", gamma_res=2.0)
    w = within(power)
    # 1,024 sections of a parabola: the error is at most h²/4 of its curvature, h = 2/1024.
    torch.testing.assert_close(custom.q_plus(w), power.q_plus(w), atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(custom.q_minus(w), power.q_minus(w), atol=2e-6, rtol=1e-5)


def test_exponential_tends_to_soft_bounds_for_small_curvature() -> None:
    soft = law_of("soft-bounds", **EQUAL)
    w = within(soft)
    errors = []
    for gamma in (1.0, 0.1, 0.01):
        law = law_of("exponential", gamma_res=gamma, **EQUAL)
        errors.append(float((law.q_plus(w) - soft.q_plus(w)).abs().max()))
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
    assert errors[2] < 0.01


# Symmetric points.


@pytest.mark.parametrize("c", [-0.5, 0.3])
def test_c_lin_is_the_symmetric_point_in_units_of_tau(c: float) -> None:
    """P25: F = 1 − c w/τ, G = w/τ − c."""
    law = one("linear", c_lin=c)
    f, g = law.f_and_g(at(0.2))
    assert float(f) == pytest.approx(1 - c * 0.2 / TAU)
    assert float(g) == pytest.approx(0.2 / TAU - c)
    assert float(law.f_and_g(at(c * TAU))[1]) == pytest.approx(0, abs=1e-6)


def test_c_lin_in_aihwkits_one_sided_parameters() -> None:
    c = 0.3
    ours = one("linear", c_lin=c, dw_min=0.001)
    theirs = one("soft-bounds", dw_min=0.001 * (1 + c), up_down=2 * c / (1 + c))
    same(theirs, ours, factor=1 + c)


def test_subtracting_the_symmetry_point_puts_it_at_zero() -> None:
    fields = {"up_down": 0.3, "up_down_dtod": 0.1}
    shifted, plain = law_of("soft-bounds", **fields, subtract_symmetry_point=True), law_of("soft-bounds", **fields)
    zero = torch.zeros_like(plain.upper_ROI)
    assert float(plain.f_and_g(zero)[1].abs().max()) > 0.1
    torch.testing.assert_close(shifted.f_and_g(zero)[1], zero, atol=1e-6, rtol=0)
    torch.testing.assert_close(shifted.upper_ROI - shifted.lower_ROI, plain.upper_ROI - plain.lower_ROI)


def test_a_reference_shifts_the_weight_of_every_device() -> None:
    shifted, plain = law_of("soft-bounds", reference_mean=0.1), law_of("soft-bounds")
    w = within(plain)
    torch.testing.assert_close(shifted.q_plus(w - 0.1), plain.q_plus(w))
    torch.testing.assert_close(shifted.upper_ROI, plain.upper_ROI - 0.1)


def test_an_off_centre_range_has_its_bounds_where_they_were_given() -> None:
    given = law_of("constant-step", **EQUAL, tau=None, w_max=1.25, w_min=-0.75)
    assert (float(given.upper_ROI.max()), float(given.lower_ROI.min())) == (1.25, -0.75)


def test_requests_up_to_tau_need_no_clipping_on_mean_soft_bounds() -> None:
    """P24 theorem 1: |W| ≤ τ and |ΔW| ≤ τ give |W'| ≤ τ."""
    law = law_of("soft-bounds", **EQUAL)
    w, dw = within(law), within(law, seed=2)
    f, g = law.f_and_g(w)
    assert float((w + dw * f - dw.abs() * g).abs().max()) <= TAU + 1e-6


def test_the_mean_field_counts_requests_in_pulses_of_the_granularity() -> None:
    """With γ = 1, pow-step pulses of 2 Δw are soft-bounds pulses of Δw, and the same request moves both alike."""
    soft, power = one("soft-bounds", dw_min=0.001), one("pow-step", dw_min=0.002, pow_gamma=1.0, pow_gamma_dtod=0)
    x, d = torch.ones(1, 1, 1), torch.full((1, 1, 1), 0.1)
    torch.testing.assert_close(
        mean_field_update(at(0.2), power, x, d, 0.1), mean_field_update(at(0.2), soft, x, d, 0.1)
    )


# Trains of pulses that all arrive: no management, so that every line fires in every slot.

ALWAYS = Pulses(desired_bl=20, update_management=False, update_bl_management=False)


def after_twenty_pulses(law: Any, w: Tensor, sign: float) -> Tensor:
    """Weights after 20 pulses of the compiled loops, upwards for ``sign`` 1."""
    array = CrossbarArray(law)
    array.w_ROI.copy_(w)
    r, o, i = array.shape
    array.pulse(torch.ones(r, 1, i), torch.full((r, 1, o), -sign), 1e6, ALWAYS, Randomness(range(r)))
    return array.w_ROI


@pulsed_kinds
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_train_is_one_pulse_after_the_other(kind: str, sign: float) -> None:
    law = law_of(kind, dw_min=0.02, dw_min_std=0)
    w = within(law)
    expected = w
    for _ in range(20):
        step = law.q_plus(expected) if sign > 0 else -law.q_minus(expected)
        expected = law.clip(expected + 0.02 * step)
    torch.testing.assert_close(after_twenty_pulses(law, w, sign), expected, atol=2e-6, rtol=1e-5)
    assert float((expected - w).abs().max()) > 0.1


def test_n_pulses_on_soft_bounds_have_a_closed_form() -> None:
    """w_n = ±τ ∓ (τ ∓ w)(1 − Δw_min/τ)ⁿ for n noise-free pulses of one sign."""
    law = law_of("soft-bounds", dw_min=0.02, dw_min_std=0, **EQUAL)
    w, left = within(law), (1 - 0.02 / TAU) ** 20
    torch.testing.assert_close(after_twenty_pulses(law, w, 1.0), TAU - (TAU - w) * left, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(after_twenty_pulses(law, w, -1.0), -TAU + (TAU + w) * left, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("way", [way for way in WAYS if "mean-field" not in way])
@pytest.mark.parametrize("w", [-0.3, 0.0, 0.4])
def test_small_pulses_saturate_outwards_and_reset_fast_inwards(w: float, way: str) -> None:
    """P24 lemma 1: a request away from w_s arrives times 1 − |w − w_s|/τ, one towards it times 1 + |w − w_s|/τ."""
    law, asked = law_of("soft-bounds", (80, 100), dw_min=1e-5, **EQUAL), 0.003
    for sign in (1.0, -1.0):
        array = CrossbarArray(law)
        array.w_ROI.fill_(w)
        # Three samples that ask for a third each, with trains that have a slot for every pulse.
        x, d = torch.ones(2, 3, 100), torch.full((2, 3, 80), -sign)
        x = x.mT.contiguous().mT if "lines" in way else x
        array.pulse(x, d, asked / 3, WAYS[way].model_copy(update={"desired_bl": 200}), Randomness([0, 1]))
        # Second order in the request: asked/2τ = 0.25 %; noise of 16,000 devices with 300 pulses each: up to 0.04 %.
        assert float(array.w_ROI.mean()) - w == pytest.approx(sign * asked * (1 - sign * w / TAU), rel=5e-3)


def test_pulses_up_and_down_tend_to_the_symmetric_point() -> None:
    """w_s = (s₊ − s₋)/(s₊/w_max − s₋/w_min), which AIHWKit's zero-shift subtracts."""
    law = law_of("soft-bounds", dw_min=0.004, dw_min_std=0, dw_min_dtod=0.2, up_down=0.3)
    p = law.population
    point = (p.scale_up_ROI - p.scale_down_ROI) / (p.scale_up_ROI / p.w_max_ROI - p.scale_down_ROI / p.w_min_ROI)
    array = CrossbarArray(law)
    array.w_ROI.copy_(within(law))
    x, d = torch.ones(2, 4000, 7), torch.tensor([1.0, -1.0]).repeat(2000)[None, :, None].expand(2, -1, 5)
    one_pulse = Pulses(desired_bl=1, update_management=False, update_bl_management=False)
    array.pulse(x, d, 1e6, one_pulse, Randomness([0, 1]))
    torch.testing.assert_close(array.w_ROI, point, atol=0.01, rtol=0)


@pytest.mark.cuda
@kinds
def test_devices_are_the_same_on_cuda(kind: str) -> None:
    law = law_of(kind, lifetime=50, reset_dtod=0.1, corrupt_devices_prob=0.1)
    w, there = within(law), law.to("cuda")
    torch.testing.assert_close(there.q_plus(w.cuda()).cpu(), law.q_plus(w), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(there.q_minus(w.cuda()).cpu(), law.q_minus(w), atol=1e-6, rtol=1e-5)
    array, randomness = CrossbarArray(there), Randomness([0, 1], "cuda")
    array.set_weights(w, randomness)
    array.pulse(torch.randn(2, 3, 7).cuda(), torch.randn(2, 3, 5).cuda(), 0.01, Update(), randomness)
    array.decay(randomness)
    array.reset(slice(0, 2), randomness)
    assert array.w_ROI.is_cuda and bool(array.w_ROI.isfinite().all())
