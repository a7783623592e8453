"""Reads are AIHWKit's, in all three forms: to rounding without noise, as distributions with it.

Axes: R replica, B sample, O out, I in.
"""

from functools import cache
from typing import Any

import kit
import pytest
import torch
from distributions import LARGEST_Z, assert_equal_in_law, distance
from reads import FORMS, Read
from torch import Tensor

from analogcli.algorithms.transfer import read_columns
from analogcli.crossbar import AnalogRead, CrossbarArray, Randomness, draw_devices
from analogcli.crossbar.periphery import plain_matvec
from analogcli.spec import IO, Ideal, TransferRead

reason = kit.why_not()
pytestmark = [pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason)]

R, N_OUT, N_IN = 2, 40, 70
ALLOWED = 1e-3
"""Share of outputs that may differ by a step, where a value lies on the border between two steps."""

IOS: dict[str, dict[str, Any]] = {
    "default": {},
    "no noise management": {"noise_management": "none"},
    "no bound management": {"bound_management": "none"},
    "no management": {"noise_management": "none", "bound_management": "none"},
    "fine DAC": {"inp_steps": 0},
    "fine ADC": {"out_steps": 0},
    "all fine": {"inp_steps": 0, "out_steps": 0},
    "coarse": {"inp_steps": 14, "out_steps": 30},
    "narrow ADC": {"out_bound": 3.0},
    "wide ADC": {"out_bound": 20.0},
    "narrow DAC": {"inp_bound": 0.7, "noise_management": "none"},
}
SIZES = {"small": 0.1, "ADC full": 1.0, "reduced": 5.0, "given up": 200.0}
"""Of the weights; what bound management does depends on it."""
forms = pytest.mark.parametrize("read", FORMS.values(), ids=FORMS)


def wide_tile(w_OI: Tensor, io: IO) -> Any:
    """A tile whose devices hold any weight, read through ``io`` in both directions."""
    from aihwkit.simulator.configs import ConstantStepDevice

    from analogcli.backends.aihwkit.parameters import io_parameters

    device = ConstantStepDevice(w_max=1e6, w_min=-1e6, w_max_dtod=0, w_min_dtod=0)
    made = kit.tile((w_OI.shape[0], w_OI.shape[1]), device, forward=io_parameters(io), backward=io_parameters(io))
    made.tile.set_weights(w_OI)
    return made.tile


def weights(size: float) -> Tensor:
    return size * torch.randn(R, N_OUT, N_IN, generator=torch.Generator().manual_seed(0))


def inputs(n: int, size: int) -> Tensor:
    """Inputs [R, n, size], among them zeros, hardly anything, and much."""
    x = torch.randn(R, n, size, generator=torch.Generator().manual_seed(1))
    x[0, 0], x[0, 1], x[1, 2] = 0, 1e-15 * x[0, 1], 1e6 * x[1, 2]
    return x


@cache
def expected(name: str, size: float) -> Tensor:
    """AIHWKit's forward reads [R, B, O] without noise."""
    io, x = IO(out_noise=0, **IOS[name]), inputs(300, N_IN)
    return torch.stack([wide_tile(w, io).forward(x_r, False) for w, x_r in zip(weights(size), x, strict=True)])


def differing(a: Tensor, b: Tensor, x: Tensor, size: float = 1.0) -> float:
    """Share of outputs that differ by more than rounding, relative to inputs and weights (``size``)."""
    scale = x.abs().amax(-1, keepdim=True).clamp_min(1e-30)
    return float((((a - b) / scale).abs() > 1e-5 * (1 + size)).float().mean())


@forms
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", IOS)
def test_without_noise_forward_reads_are_equal(name: str, size: float, read: Read) -> None:
    x = inputs(300, N_IN)
    y = read(weights(size), x, IO(out_noise=0, **IOS[name]))
    assert differing(y, expected(name, size), x, size) < ALLOWED


@forms
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_without_noise_backward_reads_are_equal(size: float, read: Read) -> None:
    w, d, io = weights(size), inputs(300, N_OUT), IO(out_noise=0)
    theirs = torch.stack([wide_tile(w[r], io).backward(d[r], False) for r in range(R)])
    ours = read(w.mT, d, IO(out_noise=0, bound_management="none"))
    assert differing(ours, theirs, d, size) < ALLOWED


@forms
def test_the_comparison_rejects_an_adc_that_is_a_tenth_wider(read: Read) -> None:
    x = inputs(300, N_IN)
    y = read(weights(1.0), x, IO(out_noise=0, out_bound=13.2))
    assert differing(y, expected("default", 1.0), x) > 0.5


# Noise: one vector many times.

SAMPLES = 3000
NOISES: dict[str, tuple[float, dict[str, Any]]] = {
    "output": (0.3, {}),
    "input": (0.3, {"out_noise": 0.0, "inp_noise": 0.05}),
    "weight": (0.3, {"out_noise": 0.0, "w_noise": 0.03}),
    "all": (0.3, {"inp_noise": 0.02, "w_noise": 0.03}),
    "all, no management": (0.3, {"inp_noise": 0.02, "w_noise": 0.03, **IOS["no management"]}),
    "all, reduced": (8.0, {"inp_noise": 0.02, "w_noise": 0.1, "out_noise": 0.3}),
    "all, clipped": (3.0, {"inp_noise": 0.02, "w_noise": 0.1, "out_noise": 0.3, "bound_management": "none"}),
}


def noisy(size: float, transposed: bool = False) -> tuple[Tensor, Tensor]:
    """Weights [R, 8, 20], or [R, 20, 8] of which the transpose is read, and one vector, many times."""
    g = torch.Generator().manual_seed(2)
    w = size * torch.randn(R, *((20, 8) if transposed else (8, 20)), generator=g)
    return w, torch.randn(R, 1, 20, generator=g).expand(R, SAMPLES, 20).contiguous()


@cache
def theirs_noisy(name: str) -> Tensor:
    """AIHWKit's noisy forward reads [B, R, O]."""
    size, fields = NOISES[name]
    w, x = noisy(size)
    return torch.stack([wide_tile(w[r], IO(**fields)).forward(x[r], False) for r in range(R)], dim=1)


@forms
@pytest.mark.parametrize("name", NOISES)
def test_noisy_forward_reads_have_the_same_law(name: str, read: Read) -> None:
    size, fields = NOISES[name]
    ours = read(*noisy(size), IO(**fields), seed=3).transpose(0, 1)
    assert_equal_in_law(theirs_noisy(name), ours)


@forms
def test_noisy_backward_reads_have_the_same_law(read: Read) -> None:
    w, d = noisy(0.3, transposed=True)
    io = IO(inp_noise=0.02, w_noise=0.03)
    theirs = torch.stack([wide_tile(w[r], io).backward(d[r], False) for r in range(R)], dim=1)
    ours = read(w.mT, d, io.model_copy(update={"bound_management": "none"}), seed=4)
    assert_equal_in_law(theirs, ours.transpose(0, 1))


@pytest.mark.parametrize("noise", [{"inp_noise": 0.06}, {"w_noise": 0.036}, {"out_noise": 0.36}], ids=str)
@forms
def test_a_noise_a_fifth_too_large_is_found(read: Read, noise: dict[str, float]) -> None:
    quiet = {"out_noise": 0.0}
    w, x = noisy(0.3)
    io = IO(**quiet | {name: value / 1.2 for name, value in noise.items()})
    theirs = torch.stack([wide_tile(w[r], io).forward(x[r], False) for r in range(R)], dim=1)
    ours = read(w, x, IO(**quiet | noise), seed=5).transpose(0, 1)
    assert distance(theirs, ours).spread_z > LARGEST_Z


# Transfers: columns of a fast array, one after the other, as algorithms read them.

TRANSFERS: dict[str, dict[str, Any]] = {
    "default": {},
    "noisy inputs": {"inp_noise": 0.05},
    "noisy weights": {"w_noise": 0.05},
    "coarse, narrow": {"inp_steps": 14, "out_steps": 30, "out_bound": 0.5},
}


def transferred(io: TransferRead, columns: slice, repeats: int) -> tuple[Tensor, Tensor]:
    """Columns [repeats, J, O] of one array as AIHWKit reads them, and as our algorithms do."""
    w, x = noisy(0.3)[0][0], torch.eye(20)[columns]
    theirs = wide_tile(w, io).forward(x.repeat(repeats, 1), False).view(repeats, len(x), 8)
    array = CrossbarArray(draw_devices(Ideal(), (8, 20), [torch.Generator()] * repeats))
    randomness = Randomness(range(repeats))
    array.set_weights(w.expand(repeats, -1, -1), randomness)
    return theirs, read_columns(array, columns, AnalogRead(io), randomness)


@pytest.mark.parametrize("name", ["default", "coarse, narrow"])
def test_without_noise_transfer_reads_are_equal(name: str) -> None:
    theirs, ours = transferred(TransferRead(out_noise=0.0, **TRANSFERS[name]), slice(0, 20), 1)
    assert differing(ours, theirs, torch.ones(1)) < 0.01
    assert float(ours.abs().max()) > 0.4


@pytest.mark.parametrize("name", TRANSFERS)
def test_noisy_transfer_reads_have_the_same_law(name: str) -> None:
    assert_equal_in_law(*transferred(TransferRead(**TRANSFERS[name]), slice(2, 5), SAMPLES))


@pytest.mark.parametrize("out_bound", [1.0, 3.0, 5.0, 7.5, 10.0, 12.0, 20.0])
@pytest.mark.parametrize("out_steps", [30, 126, 254, 510, 1022])
def test_the_last_code_counts_as_clipped_where_it_does_there(out_bound: float, out_steps: int) -> None:
    io, step = IO(out_noise=0, out_bound=out_bound, out_steps=out_steps), 2 * out_bound / out_steps
    for size in (out_bound - 0.6 * step, out_bound - 0.3 * step, out_bound + 0.3 * step):
        w, one = torch.tensor([[size]]), torch.ones(1, 1)
        theirs = wide_tile(w, io).forward(one, False)
        ours = AnalogRead(io)(w[None], one[None], Randomness([0]))[0]
        assert ours.item() == pytest.approx(theirs.item(), abs=1e-4 * step)
        plain = plain_matvec(w[None], one[None], io, torch.Generator())[0]
        assert plain.item() == pytest.approx(theirs.item(), abs=1e-4 * step)
