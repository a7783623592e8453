"""One step of learning: one device of a pair moves, only down; the dead zone; what a reset keeps; compiled as written.

Axes: R replica, O out, I in.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from analogcli.crossbar import Randomness
from analogcli.magnetoionic import DeviceLaw, ExponentialLaw, LinearLaw
from analogcli.magnetoionic import layer as layers
from analogcli.magnetoionic.layer import PairLayer
from analogcli.magnetoionic.pairs import initial_pairs, learn, response_factors
from analogcli.spec import DoubleDevice

LAWS: dict[str, DeviceLaw] = {"linear": LinearLaw(), "exponential": ExponentialLaw()}
EACH = pytest.mark.parametrize("law", LAWS)
SHAPE = (20, 30)
SEEDS = (3, 4)


@dataclass
class Step:
    """A layer before and after one step."""

    before: tuple[Tensor, Tensor]
    after: tuple[Tensor, Tensor]
    g_ROI: Tensor


def layer(law: str, compiled: bool, **fields: float) -> PairLayer:
    spec = DoubleDevice(law=law, **fields)  # type: ignore[arg-type]
    made = PairLayer(0, SHAPE, [spec] * 2, [LAWS[law]] * 2, SEEDS, 0.15, Randomness(SEEDS))
    made._compiled = compiled
    return made


def steps(of: PairLayer, n: int, lr: float) -> Iterator[Step]:
    g = torch.Generator().manual_seed(0)
    for _ in range(n):
        of.g_ROI.copy_(torch.randn(of.g_ROI.shape, generator=g))
        before = of.w1_ROI.clone(), of.w2_ROI.clone()
        of.learn(torch.full((2,), lr / of.spec.input_scale))
        yield Step(before, (of.w1_ROI.clone(), of.w2_ROI.clone()), of.g_ROI.clone())


def at_rail(step: Step, law: DeviceLaw) -> Tensor:
    """Where a device was set back: one that stands at the start of its range and did not do so before."""
    return torch.stack([(a == law.start) & (b != a) for b, a in zip(step.before, step.after, strict=True)]).any(0)


@EACH
@pytest.mark.parametrize("compiled", [True, False])
def test_one_device_of_a_pair_moves_and_only_towards_the_rail(law: str, compiled: bool) -> None:
    for step in steps(layer(law, compiled, var=0.2, clipping=0.5), 30, 1.0):
        fell = [after < before for before, after in zip(step.before, step.after, strict=True)]
        free = ~at_rail(step, LAWS[law])
        assert not bool((fell[0] & fell[1]).any())
        assert not bool((fell[0] & (step.g_ROI > 0) & free).any()) and not bool(
            (fell[1] & (step.g_ROI < 0) & free).any()
        )
        for before, after in zip(step.before, step.after, strict=True):
            assert bool((after <= before)[free].all())
        assert bool((fell[0] | fell[1]).any())


@EACH
@pytest.mark.parametrize("compiled", [True, False])
def test_pulses_stay_within_their_range(law: str, compiled: bool) -> None:
    of = layer(law, compiled, var=0.5)
    # Up to 100 pulses at once: also where the partner of a device beyond its rail is at its own.
    for _ in steps(of, 60, 20.0):
        for w_ROI in (of.w1_ROI, of.w2_ROI):
            x_ROI = LAWS[law].f_inv(w_ROI.double())
            assert float(x_ROI.min()) > -1e-4
            assert float(x_ROI.max()) < 27 + 1e-3
        torch.testing.assert_close(of.w_ROI, of.w2_ROI - of.w1_ROI, rtol=0, atol=0)


@EACH
@pytest.mark.parametrize("compiled", [True, False])
def test_a_reset_keeps_the_weight_that_the_pair_had_at_the_rail(law: str, compiled: bool) -> None:
    start, stop, resets = LAWS[law].start, LAWS[law].stop, 0
    for step in steps(layer(law, compiled, var=0.0), 60, 2.0):
        reset = at_rail(step, LAWS[law])
        resets += int(reset.sum())
        second = step.g_ROI > 0
        # The device that came to the rail counts as standing at it; what is beyond is lost.
        partner = torch.where(second, step.before[0], step.before[1])
        kept = torch.where(second, stop - partner, partner - stop)
        fresh = reset & (partner != start)
        torch.testing.assert_close((step.after[1] - step.after[0])[fresh], kept[fresh], rtol=0, atol=1e-6)
    assert resets > 100


@EACH
@pytest.mark.parametrize("compiled", [True, False])
def test_increments_in_the_dead_zone_are_lost(law: str, compiled: bool) -> None:
    of = layer(law, compiled, var=0.0, clipping=0.5)
    (step,) = steps(of, 1, 1.0)
    dead = step.g_ROI.abs() < 0.5
    for before, after in zip(step.before, step.after, strict=True):
        assert torch.equal(before[dead], after[dead])
    moved = (step.before[0] != step.after[0]) | (step.before[1] != step.after[1])
    assert torch.equal(moved, ~dead)


@EACH
def test_the_loops_do_what_the_tensor_operations_do(law: str) -> None:
    fast, plain = (layer(law, compiled, var=0.2, clipping=0.1) for compiled in (True, False))
    for a, b in zip(steps(fast, 40, 2.0), steps(plain, 40, 2.0), strict=True):
        for one, other in zip(a.after, b.after, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=2e-6)


def test_a_law_without_closed_form_learns_by_its_two_functions() -> None:
    class Plain(LinearLaw):
        def shift(self, w: Tensor, u: Tensor) -> Tensor:
            return DeviceLaw.shift(self, w, u)

    pairs = [
        [w.double()[None].clone() for w in initial_pairs(LAWS["linear"], 0.01, SHAPE, torch.Generator())]
        for _ in range(2)
    ]
    g_ROI = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for (w1, w2), law in zip(pairs, (LAWS["linear"], Plain()), strict=True):
        learn(w1, w2, g_ROI, torch.tensor([3.0]), torch.tensor([0.0]), None, law)
    torch.testing.assert_close(pairs[0], pairs[1])


@EACH
def test_the_first_states_are_those_of_the_authors(law: str) -> None:
    w1, w2 = initial_pairs(LAWS[law], 0.01, (512, 784), torch.Generator().manual_seed(0))
    x1, x2 = LAWS[law].f_inv(w1.double()), LAWS[law].f_inv(w2.double())
    first, most = {"linear": (0.476, 0.952), "exponential": (0.064, 0.128)}[law]
    assert float(x1.mean()) == pytest.approx(first, abs=1e-3)
    assert float(x2.min()) == pytest.approx(0, abs=1e-3) and float(x2.max()) == pytest.approx(most, abs=1e-3)
    w = w2 - w1
    assert float(w.abs().max()) <= 0.01 + 1e-6
    assert float(w.std()) == pytest.approx(0.02 / 12**0.5, rel=0.01)


def test_response_factors_are_those_of_a_device_for_good() -> None:
    v = response_factors(0.2, (300, 400), 1, "variability/0")
    assert torch.equal(v, response_factors(0.2, (300, 400), 1, "variability/0"))
    assert float(v.mean()) == pytest.approx(1, abs=0.002) and float(v.std()) == pytest.approx(0.2, abs=0.002)
    assert abs(float(torch.corrcoef(v.flatten(1))[0, 1])) < 0.02


def test_compiled_laws_are_the_built_in_ones() -> None:
    assert set(layers.COMPILED) == {type(law) for law in LAWS.values()}
