"""The sequential pulsed update has AIHWKit's law: the distribution of the weights, after one update and after many.

The same sampled devices on both sides; R repeats from the same weights, compared weight by weight in mean (z), spread
and two-sample Kolmogorov-Smirnov distance. Our generator is seeded, AIHWKit's cannot be: with 48 weights a case and
Gaussian tails, a bound of 4.5 on z is passed by equal laws in all but 3 of 10,000 cases; the KS bound is that of the
1e-3 line, widened by a quarter for the largest of 48 correlated weights.
"""

from typing import Any

import kit
import pytest
import torch
from scipy.stats import ks_2samp
from torch import Tensor

from analogcli.crossbar import ResponseLaw, sequential_update
from analogcli.crossbar.power import PowerLaw
from analogcli.crossbar.pulses import trains
from analogcli.crossbar.sequential import reference_update
from analogcli.crossbar.soft_bounds import SoftBoundsLaw
from analogcli.spec import PowerStep, Pulses, SoftBounds

reason = kit.why_not()
pytestmark = [pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason)]

SHAPE = (6, 8)
DW_MIN = 0.01
REPEATS = 1000
MANY = 250
"""Repeats of ten updates each."""
LARGEST_Z = 4.5
SPREAD = {
    "dw_min_dtod": 0.3, "w_max_dtod": 0.2, "w_min_dtod": 0.2, "up_down": 0.1, "up_down_dtod": 0.05, "dw_min_std": 0.3,
}  # fmt: skip

MANAGEMENT = {
    "managed": Pulses(),
    "short trains": Pulses(desired_bl=3),
    "update management only": Pulses(desired_bl=5, update_bl_management=False),
    "unmanaged": Pulses(desired_bl=31, update_management=False, update_bl_management=False),
    "long trains": Pulses(desired_bl=70, update_management=False, update_bl_management=False),
}


def pair(law: str, pulses: Pulses) -> tuple[Any, ResponseLaw]:
    """An AIHWKit tile and our law on the very same devices."""
    from aihwkit.simulator.configs import PowStepDevice, SoftBoundsReferenceDevice

    bounds = {"w_max": 0.6, "w_min": -0.6}
    if law.startswith("power"):
        gamma = float(law.removeprefix("power "))
        scaled = 2**gamma * DW_MIN
        device = PowStepDevice(
            dw_min=scaled, pow_gamma=gamma, pow_gamma_dtod=0.0, construction_seed=5, **bounds, **SPREAD
        )
        theirs = _tile(device, pulses)
        return theirs, PowerLaw(PowerStep(dw_min=DW_MIN, gamma_res=gamma), kit.population(theirs, scaled))
    shift = law == "soft-bounds shifted"
    device = SoftBoundsReferenceDevice(
        dw_min=DW_MIN, subtract_symmetry_point=shift, construction_seed=5, **bounds, **SPREAD
    )
    theirs = _tile(device, pulses)
    spec = SoftBounds(dw_min=DW_MIN, subtract_symmetry_point=shift)
    return theirs, SoftBoundsLaw(spec, kit.population(theirs, DW_MIN))


def _tile(device: Any, pulses: Pulses) -> Any:
    from aihwkit.simulator.configs import SingleRPUConfig, UpdateParameters
    from aihwkit.simulator.parameters.io import IOParameters
    from aihwkit.simulator.tiles.analog import AnalogTile

    perfect = IOParameters(is_perfect=True)
    update = UpdateParameters(**pulses.model_dump())
    return AnalogTile(*SHAPE, SingleRPUConfig(device=device, forward=perfect, backward=perfect, update=update))


def batch(seed: int, samples: int = 5) -> tuple[Tensor, Tensor]:
    """Inputs and gradients of both signs, with zeros and one sample of zeros."""
    g = torch.Generator().manual_seed(seed)
    x, d = torch.randn(samples, SHAPE[1], generator=g), torch.randn(samples, SHAPE[0], generator=g)
    x[:, 0], d[2] = 0, 0
    return x, d


def start(law: ResponseLaw) -> Tensor:
    u = torch.rand(SHAPE, generator=torch.Generator().manual_seed(7))
    w = 0.8 * (law.lower_OI + u * (law.upper_OI - law.lower_OI))
    # AIHWKit clips what is written to the bounds of the device itself, also where the zero was shifted.
    return w.clamp(law.population.w_min_OI, law.population.w_max_OI)


def theirs_after(
    tile: Any, w: Tensor, x: Tensor, d: Tensor, lr: float, updates: int = 1, repeats: int = REPEATS
) -> Tensor:
    tile.set_learning_rate(lr)
    out = torch.empty(repeats, *SHAPE)
    for r in range(repeats):
        tile.tile.set_weights(w)
        for _ in range(updates):
            tile.tile.update(x, d, False)
        out[r] = tile.tile.get_weights()
    return out


def ours_after(
    law: ResponseLaw,
    w: Tensor,
    x: Tensor,
    d: Tensor,
    lr: float,
    pulses: Pulses,
    updates: int = 1,
    repeats: int = REPEATS,
) -> Tensor:
    g = torch.Generator().manual_seed(1)
    out = torch.empty(repeats, *SHAPE)
    for r in range(repeats):
        w_r = w.clone()
        for _ in range(updates):
            w_r = sequential_update(w_r, law, x, d, lr, pulses, g)
        out[r] = w_r
    return out


def distance(a: Tensor, b: Tensor) -> tuple[float, float, float]:
    """Largest |z| of the means, largest |z| of the ratio of the spreads, largest KS over its bound."""
    still = (a.std(0) < 1e-6) & (b.std(0) < 1e-6)
    error = ((a.var(0) + b.var(0)) / len(a)).sqrt().clamp_min(1e-7)
    z = ((a.mean(0) - b.mean(0)).abs() / error)[~still].max()
    spread_z = ((a.std(0) / b.std(0)).log().abs() / (_log_std_error(a) ** 2 + _log_std_error(b) ** 2).sqrt())[
        ~still
    ].max()
    bound = 1.95 * (2 / len(a)) ** 0.5 * 1.25
    pairs = zip(a.flatten(1).T[~still.flatten()].numpy(), b.flatten(1).T[~still.flatten()].numpy(), strict=True)
    ks = max(ks_2samp(p, q).statistic for p, q in pairs) / bound
    torch.testing.assert_close(a.mean(0)[still], b.mean(0)[still], atol=1e-6, rtol=0)
    return float(z), float(spread_z), float(ks)


def _log_std_error(a: Tensor) -> Tensor:
    """Standard error of ln std; weights that are clipped at a bound have tails, and with them larger errors."""
    deviation = a - a.mean(0)
    kurtosis = deviation.pow(4).mean(0) / deviation.square().mean(0).square()
    return ((kurtosis - 1) / (4 * len(a))).sqrt()


def assert_equal_in_law(a: Tensor, b: Tensor) -> None:
    z, spread_z, ks = distance(a, b)
    assert z < LARGEST_Z
    assert spread_z < LARGEST_Z
    assert ks < 1


LAWS = ["soft-bounds", "soft-bounds shifted", "power 0.5", "power 2"]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("management", MANAGEMENT)
def test_one_update_has_the_same_law(law: str, management: str) -> None:
    pulses = MANAGEMENT[management]
    tile, ours = pair(law, pulses)
    (x, d), w = batch(3), start(ours)
    assert_equal_in_law(theirs_after(tile, w, x, d, 0.02), ours_after(ours, w, x, d, 0.02, pulses))


@pytest.mark.parametrize("law", LAWS)
def test_hundreds_of_updates_have_the_same_law(law: str) -> None:
    tile, ours = pair(law, Pulses())
    (x, d), w = batch(4, samples=20), start(ours)
    # Ten mini-batches of twenty samples: two hundred samples one after the other, into the bounds for some weights.
    a, b = theirs_after(tile, w, x, d, 0.02, 10, MANY), ours_after(ours, w, x, d, 0.02, Pulses(), 10, MANY)
    assert_equal_in_law(a, b)
    assert float((a.mean(0) - w).abs().max()) > 0.2


@pytest.mark.parametrize("law", LAWS)
def test_the_compiled_loops_and_the_plain_tensor_form_have_the_same_law(law: str) -> None:
    _, ours = pair(law, Pulses())
    (x, d), w = batch(5), start(ours)
    g = torch.Generator().manual_seed(2)
    train = trains(x, d, 0.02, ours.granularity, Pulses())
    plain = torch.stack([reference_update(w, ours, x, d, train, g) for _ in range(REPEATS)])
    assert_equal_in_law(ours_after(ours, w, x, d, 0.02, Pulses()), plain)


@pytest.mark.parametrize("law", ["soft-bounds", "power 2"])
def test_a_learning_rate_ten_percent_off_is_found(law: str) -> None:
    tile, ours = pair(law, Pulses())
    (x, d), w = batch(3), start(ours)
    z, _, _ = distance(theirs_after(tile, w, x, d, 0.02), ours_after(ours, w, x, d, 0.022, Pulses()))
    assert z > LARGEST_Z


def test_a_cycle_noise_of_36_percent_instead_of_30_is_found() -> None:
    tile, ours = pair("soft-bounds", Pulses())
    louder = SoftBoundsLaw(SoftBounds(dw_min=DW_MIN, dw_min_std=0.36), ours.population)
    w = start(ours)
    # One full-length train a sample, so that noise and not the number of pulses spreads the weights.
    x, d = torch.ones(1, SHAPE[1]), torch.ones(1, SHAPE[0])
    _, spread_z, _ = distance(theirs_after(tile, w, x, d, 0.1), ours_after(louder, w, x, d, 0.1, Pulses()))
    assert spread_z > LARGEST_Z
