"""DAC, ADC, noise and their management, each against what its definition says."""

import pytest
import torch

from analogcli.crossbar import analog_matvec
from analogcli.spec import IO

QUIET = IO(out_noise=0)


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_perfect_periphery_is_the_product() -> None:
    w, x = torch.randn(4, 6), torch.randn(3, 6)
    assert torch.equal(analog_matvec(w, x, IO(perfect=True), gen()), x @ w.T)


def test_outputs_are_whole_adc_steps_of_the_scaled_range() -> None:
    w, x = 0.3 * torch.randn(4, 6), torch.randn(5, 6)
    y = analog_matvec(w, x, IO(), gen())
    codes = y / x.abs().amax(1, keepdim=True) / (24 / 510)
    torch.testing.assert_close(codes, codes.round(), atol=1e-3, rtol=0)
    assert float(codes.abs().max()) <= 255


def test_inputs_are_whole_dac_steps() -> None:
    x = torch.linspace(-1, 1, 500)[:, None]
    y = analog_matvec(torch.eye(1), x, IO(out_steps=0, out_noise=0, noise_management="none"), gen())
    assert len(y.unique()) == 127
    torch.testing.assert_close(y, (x * 63).round() / 63)


def test_without_noise_management_inputs_beyond_the_dac_are_clipped() -> None:
    y = analog_matvec(torch.eye(1), torch.tensor([[3.0]]), IO(noise_management="none", out_noise=0), gen())
    assert float(y) == pytest.approx(1.0, abs=0.03)


def test_with_noise_management_the_scale_of_the_input_does_not_matter() -> None:
    w, x = torch.randn(4, 6), torch.randn(3, 6)
    y = analog_matvec(w, x, QUIET, gen())
    torch.testing.assert_close(analog_matvec(w, 1024 * x, QUIET, gen()), 1024 * y)


def test_zero_in_gives_zero_out() -> None:
    assert not analog_matvec(torch.randn(4, 6), torch.zeros(3, 6), IO(), gen()).any()


def test_bound_management_reaches_beyond_the_adc_and_redoes_only_what_clips() -> None:
    w = torch.full((2, 10), 3.0)
    x = torch.stack([torch.ones(10), 0.01 * torch.ones(10), torch.ones(10).index_fill(0, torch.arange(8), 0)])
    exact = x @ w.T
    clipped = analog_matvec(w, x, IO(bound_management="none", out_noise=0), gen())
    managed = analog_matvec(w, x, QUIET, gen())
    assert float(clipped[0, 0]) == pytest.approx(12)
    torch.testing.assert_close(managed, exact, rtol=0.02, atol=0.03)
    assert torch.equal(managed[2], clipped[2])


def test_bound_management_gives_up_when_the_dac_gets_too_coarse() -> None:
    """0.25/r_in = 15.75: the last reduction is 16."""
    y = analog_matvec(torch.full((1, 1), 1e4), torch.ones(1, 1), QUIET, gen())
    assert float(y) == pytest.approx(12 * 16)


@pytest.mark.parametrize(
    ("io", "std"), [(IO(out_noise=0.2, out_steps=0), 0.2), (IO(inp_noise=0.1, out_noise=0, out_steps=0), 0.5)]
)
def test_noise_has_its_standard_deviation_in_units_of_the_scaled_input(io: IO, std: float) -> None:
    w = torch.full((1, 25), 1.0)
    x = 2 * torch.ones(20_000, 25) * torch.tensor([1, -1]).repeat(13)[:25]
    y = analog_matvec(w, x, io, gen())
    assert float(y.std()) == pytest.approx(2 * std, rel=0.03)


def test_the_same_generator_state_gives_the_same_noise() -> None:
    w, x = torch.randn(4, 6), torch.randn(3, 6)
    assert torch.equal(analog_matvec(w, x, IO(), gen(1)), analog_matvec(w, x, IO(), gen(1)))
    assert not torch.equal(analog_matvec(w, x, IO(out_steps=0), gen(1)), analog_matvec(w, x, IO(out_steps=0), gen(2)))
