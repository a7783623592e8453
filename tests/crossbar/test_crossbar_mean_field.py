"""The mean-field update: |ΔW| is summed over samples, and the theory of the papers holds exactly."""

import pytest
import torch
from crossbar_helpers import IDEAL, TAU, law_of, within

from analogcli.crossbar import LAWS, draw_devices, mean_field_update
from analogcli.spec import SoftBounds


@pytest.mark.parametrize("kind", LAWS)
def test_it_is_the_up_and_down_rates_times_the_responses(kind: str) -> None:
    law = law_of(kind)
    w, g = within(law), torch.Generator().manual_seed(3)
    x, d = torch.randn(6, 7, generator=g), torch.randn(6, 5, generator=g)
    lr = 1e-3
    changes = -lr * d[:, :, None] * x[:, None, :]
    up, down = changes.clamp(min=0).sum(0), (-changes).clamp(min=0).sum(0)
    expected = law.clip(w + up * law.q_plus(w) - down * law.q_minus(w))
    torch.testing.assert_close(mean_field_update(w, law, x, d, lr), expected, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("shift", [False, True])
def test_saturation_and_fast_reset(shift: bool) -> None:
    """P24 lemma 1: moving away from w_s shrinks by 1 − |w − w_s|/τ, moving back grows by 1 + |w − w_s|/τ."""
    law = draw_devices(SoftBounds(tau=TAU, subtract_symmetry_point=shift, **IDEAL), (1, 3), torch.Generator())
    w, dw = torch.tensor([[-0.3, 0.0, 0.4]]), 0.01
    x, lr = torch.ones(1, 3), 1.0
    outward = mean_field_update(w, law, x * torch.tensor([[-1.0, 1.0, 1.0]]), torch.tensor([[-dw]]), lr)
    inward = mean_field_update(w, law, x * torch.tensor([[1.0, 1.0, -1.0]]), torch.tensor([[-dw]]), lr)
    torch.testing.assert_close((outward - w).abs(), dw * (1 - w.abs() / TAU))
    torch.testing.assert_close((inward - w).abs(), dw * (1 + w.abs() / TAU))


def test_at_a_critical_point_weights_drift_to_the_symmetric_point() -> None:
    """P24 eq 11: with gradients ±ε that cancel, W' − W = −(lr/τ) Σ|ε| W."""
    law = law_of("soft-bounds", shape=(1, 1), **IDEAL)
    w = torch.tensor([[0.3]])
    x, d = torch.ones(2, 1), torch.tensor([[0.2], [-0.2]])
    drift = mean_field_update(w, law, x, d, lr=0.05) - w
    assert float(drift) == pytest.approx(-0.05 / TAU * 0.4 * 0.3, rel=1e-4)


def test_a_request_of_zero_changes_nothing() -> None:
    law = law_of("soft-bounds")
    w = within(law)
    assert torch.equal(mean_field_update(w, law, torch.randn(3, 7), torch.zeros(3, 5), 0.1), w)
