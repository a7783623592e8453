"""The mean-field update: |ΔW| is summed over samples, and the theory of the papers holds exactly."""

import pytest
import torch
from crossbar_helpers import EQUAL, TAU, law_of, within

from analogcli.crossbar import LAWS, mean_field_update


@pytest.mark.parametrize("kind", LAWS)
def test_it_is_the_up_and_down_rates_times_the_responses(kind: str) -> None:
    law = law_of(kind)
    w, g = within(law), torch.Generator().manual_seed(3)
    x, d = torch.randn(2, 6, 7, generator=g), torch.randn(2, 6, 5, generator=g)
    lr = 1e-3
    changes = -lr * law.spec.dw_min / law.granularity * d[..., None] * x[:, :, None]
    up, down = changes.clamp(min=0).sum(1), (-changes).clamp(min=0).sum(1)
    expected = law.clip(w + up * law.q_plus(w) - down * law.q_minus(w))
    torch.testing.assert_close(mean_field_update(w, law, x, d, lr), expected, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("shift", [False, True])
def test_saturation_and_fast_reset(shift: bool) -> None:
    """P24 lemma 1: moving away from w_s shrinks by 1 − |w − w_s|/τ, moving back grows by 1 + |w − w_s|/τ."""
    law = law_of("soft-bounds", (1, 3), replicas=1, subtract_symmetry_point=shift, **EQUAL)
    w, dw = torch.tensor([[[-0.3, 0.0, 0.4]]]), 0.01
    d, lr = torch.tensor([[[-dw]]]), 1.0
    outward = mean_field_update(w, law, torch.tensor([[[-1.0, 1.0, 1.0]]]), d, lr)
    inward = mean_field_update(w, law, torch.tensor([[[1.0, 1.0, -1.0]]]), d, lr)
    torch.testing.assert_close((outward - w).abs(), dw * (1 - w.abs() / TAU))
    torch.testing.assert_close((inward - w).abs(), dw * (1 + w.abs() / TAU))


@pytest.mark.parametrize("c", [0.0, 0.3])
def test_at_a_critical_point_weights_drift_to_the_symmetric_point(c: float) -> None:
    """P24 eq 11: with gradients ±ε that cancel, W' − W = −(lr/τ) Σ|ε| (W − W_s)."""
    law = law_of("linear", (1, 1), replicas=1, c_lin=c, **EQUAL)
    x, d = torch.ones(1, 2, 1), torch.tensor([[[0.2], [-0.2]]])
    drift = mean_field_update(torch.full((1, 1, 1), 0.3), law, x, d, lr=0.05) - 0.3
    assert float(drift) == pytest.approx(-0.05 / TAU * 0.4 * (0.3 - c * TAU), rel=1e-4)


def test_a_request_of_zero_changes_nothing() -> None:
    law = law_of("soft-bounds")
    w = within(law)
    assert torch.equal(mean_field_update(w, law, torch.randn(2, 3, 7), torch.zeros(2, 3, 5), 0.1), w)


def test_as_one_pulse_train_gradients_that_cancel_ask_for_nothing() -> None:
    law = law_of("soft-bounds", (1, 1), replicas=1, **EQUAL)
    w, x = torch.full((1, 1, 1), 0.3), torch.ones(1, 2, 1)
    apart = torch.tensor([[[0.2], [-0.2]]])
    assert mean_field_update(w, law, x, apart, lr=0.05, whole_batch=True).item() == pytest.approx(0.3)
    # Samples that agree are one sample.
    alike = torch.tensor([[[0.2], [0.1]]])
    once = mean_field_update(w, law, x, alike, lr=0.05, whole_batch=True)
    torch.testing.assert_close(once, mean_field_update(w, law, x, alike, lr=0.05))
