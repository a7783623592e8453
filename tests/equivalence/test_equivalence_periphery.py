"""Reads are AIHWKit's: to rounding without noise, in mean and spread with it."""

from typing import Any

import kit
import pytest
import torch
from torch import Tensor

from analogcli.crossbar import analog_matvec
from analogcli.spec import IO

reason = kit.why_not()
pytestmark = [pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason)]

N_OUT, N_IN = 40, 70
ALLOWED = 1e-4
"""Share of outputs that may differ by a step, where a value lies on the border between two steps."""

IOS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "default": ({}, {}),
    "no-noise-management": ({"noise_management": "none"}, {"noise_management": "NONE"}),
    "no-bound-management": ({"bound_management": "none"}, {"bound_management": "NONE"}),
    "fine-dac": ({"inp_steps": 0}, {"inp_res": -1.0}),
    "fine-adc": ({"out_steps": 0}, {"out_res": -1.0}),
    "all-fine": ({"inp_steps": 0, "out_steps": 0}, {"inp_res": -1.0, "out_res": -1.0}),
    "coarse": ({"inp_steps": 14, "out_steps": 30}, {"inp_res": 1 / 14, "out_res": 1 / 30}),
    "narrow-adc": ({"out_bound": 3.0}, {"out_bound": 3.0}),
    "narrow-dac": (
        {"inp_bound": 0.7, "noise_management": "none"},
        {"inp_bound": 0.7, "noise_management": "NONE"},
    ),
}


def io_of_kit(**fields: Any) -> Any:
    from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType
    from aihwkit.simulator.parameters.io import IOParameters

    enums = {"noise_management": NoiseManagementType, "bound_management": BoundManagementType}
    return IOParameters(**{k: enums[k][v] if k in enums else v for k, v in fields.items()})


def wide_tile(weights: Tensor, io: Any) -> Any:
    """A tile whose devices hold any weight, read through ``io`` in both directions."""
    from aihwkit.simulator.configs import ConstantStepDevice

    device = ConstantStepDevice(w_max=1e6, w_min=-1e6, w_max_dtod=0, w_min_dtod=0)
    made = kit.tile(tuple(weights.shape), device, forward=io, backward=io)  # type: ignore[arg-type]
    made.tile.set_weights(weights)
    return made.tile


def inputs(n: int, size: int) -> Tensor:
    x = torch.randn(n, size, generator=torch.Generator().manual_seed(1))
    x[0], x[1], x[2] = 0, 1e-15 * x[1], 1e6 * x[2]
    return x


def differing(a: Tensor, b: Tensor, x: Tensor, size: float = 1.0) -> float:
    """Share of outputs that differ by more than rounding, relative to inputs and weights (``size``)."""
    scale = x.abs().amax(1, keepdim=True).clamp_min(1e-30)
    return float((((a - b) / scale).abs() > 1e-5 * (1 + size)).float().mean())


@pytest.mark.parametrize("size", [0.1, 1.0, 5.0, 200.0], ids=["small", "adc-full", "reduced", "given-up"])
@pytest.mark.parametrize("io", IOS)
def test_without_noise_forward_reads_are_equal(io: str, size: float) -> None:
    ours, theirs = IOS[io]
    weights, x = size * torch.randn(N_OUT, N_IN, generator=torch.Generator().manual_seed(0)), inputs(300, N_IN)
    expected = wide_tile(weights, io_of_kit(out_noise=0.0, **theirs)).forward(x, False)
    y = analog_matvec(weights, x, IO(out_noise=0, **ours), torch.Generator())
    assert differing(y, expected, x, size) < (10 * ALLOWED)


@pytest.mark.parametrize("size", [0.1, 5.0])
def test_without_noise_backward_reads_are_equal(size: float) -> None:
    weights, d = size * torch.randn(N_OUT, N_IN, generator=torch.Generator().manual_seed(0)), inputs(300, N_OUT)
    expected = wide_tile(weights, io_of_kit(out_noise=0.0)).backward(d, False)
    x = analog_matvec(weights.T, d, IO(out_noise=0, bound_management="none"), torch.Generator())
    assert differing(x, expected, d, size) < ALLOWED


def test_the_comparison_rejects_an_adc_that_is_a_tenth_wider() -> None:
    weights, x = torch.randn(N_OUT, N_IN, generator=torch.Generator().manual_seed(0)), inputs(300, N_IN)
    expected = wide_tile(weights, io_of_kit(out_noise=0.0)).forward(x, False)
    y = analog_matvec(weights, x, IO(out_noise=0, out_bound=13.2), torch.Generator())
    assert differing(y, expected, x) > 0.5


@pytest.mark.parametrize("noise", [{"out_noise": 0.06}, {"out_noise": 0.0, "inp_noise": 0.05}])
def test_with_noise_mean_and_spread_are_equal(noise: dict[str, float]) -> None:
    weights = 0.3 * torch.randn(8, 20, generator=torch.Generator().manual_seed(0))
    x = torch.randn(1, 20, generator=torch.Generator().manual_seed(2)).expand(20_000, 20).contiguous()
    theirs = wide_tile(weights, io_of_kit(**noise)).forward(x, False)
    ours = analog_matvec(weights, x, IO(**noise), torch.Generator().manual_seed(3))  # type: ignore[arg-type]
    standard_error = theirs.std(0) * (2 / len(x)) ** 0.5
    # AIHWKit's Gaussians come from a list of 32,768 drawn once a process: a shared bias of about 0.0055 sigma.
    assert bool(((ours.mean(0) - theirs.mean(0)).abs() < 5 * standard_error + 0.02 * theirs.std(0)).all())
    torch.testing.assert_close(ours.std(0), theirs.std(0), rtol=0.04, atol=0)
