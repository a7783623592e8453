"""How a requested change becomes pulses is AIHWKit's: every management and kind of trains, chunks within their bound.

The same sampled devices on both sides; many repeats from the same weights, compared weight by weight
(:mod:`distributions`). The laws of the devices themselves are in :mod:`test_equivalence_devices`. A result that does
not depend on how memory is laid out is asked of both layouts: samples behind one another, and side by side ("lines"),
as convolutions hand them over.

Axes: N repeat (on our side the replica), B sample, O out, I in.
"""

from functools import cache
from typing import Any

import kit
import pytest
import torch
from distributions import LARGEST_Z, assert_equal_in_law, distance
from torch import Tensor

from analogcli.crossbar import ResponseLaw
from analogcli.spec import Pulses, Update

reason = kit.why_not()
pytestmark = [pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason)]

OURS, THEIRS = 1500, 600
"""Repeats of one mini-batch."""
MANAGEMENT: dict[str, dict[str, Any]] = {
    "managed": {},
    "short trains": {"desired_bl": 3},
    "update management only": {"desired_bl": 5, "update_bl_management": False},
    "unmanaged": {"update_management": False, "update_bl_management": False},
    "long trains": {"desired_bl": 70, "update_management": False, "update_bl_management": False},
}
LAWS = ["constant-step", "soft-bounds", "soft-bounds, zero-shifted", "power 0.5", "power 2"]
LR = 0.02


def batch(samples: int) -> tuple[Tensor, Tensor]:
    """Inputs and gradients of both signs, with a line and a sample of zeros."""
    g = torch.Generator().manual_seed(3)
    x, d = torch.randn(samples, kit.SHAPE[1], generator=g), torch.randn(samples, kit.SHAPE[0], generator=g)
    x[:, 0], d[2:3] = 0, 0
    return x, d


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("case", LAWS)
def test_trains_have_the_same_law(case: str, management: str) -> None:
    pulses = Pulses(**MANAGEMENT[management])
    tile, law = kit.pair(case, pulses=pulses)
    (x, d), w = batch(5), kit.start(law)
    theirs = kit.after_updates(tile, w, x, d, LR, THEIRS)
    assert_equal_in_law(theirs, kit.ours_after(law, w, x, d, LR, OURS, pulses))


@pytest.mark.parametrize("management", MANAGEMENT)
def test_trains_have_the_same_law_after_hundreds_of_samples(management: str) -> None:
    pulses = Pulses(**MANAGEMENT[management])
    tile, law = kit.pair("soft-bounds", pulses=pulses)
    (x, d), w = batch(200), kit.start(law)
    theirs = kit.after_updates(tile, w, x, d, LR, THEIRS)
    assert_equal_in_law(theirs, kit.ours_after(law, w, x, d, LR, OURS, pulses))
    assert float((theirs.mean(0) - w).abs().max()) > 0.2


# Trains that are not drawn: all that is left to chance is the noise of the pulses.

FIXED = ("mean-count", "deterministic")


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("pulse_type", FIXED)
def test_trains_that_are_not_drawn_give_the_same_pulses(pulse_type: str, management: str) -> None:
    pulses = Pulses.model_validate({"pulse_type": pulse_type, **MANAGEMENT[management]})
    tile, law = kit.pair("constant-step, exact", pulses=pulses)
    # Random numbers: none of the counts lies on the border between two.
    (x, d), w = batch(20), torch.zeros(kit.SHAPE)
    theirs, ours = kit.after_updates(tile, w, x, d, LR, 1), kit.ours_after(law, w, x, d, LR, 1, pulses)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    assert float(ours.abs().max()) > 3 * kit.DW_MIN


@pytest.mark.parametrize("pulse_type", FIXED)
@pytest.mark.parametrize("case", ["soft-bounds", "power 2"])
def test_trains_that_are_not_drawn_have_the_same_law_on_noisy_devices(case: str, pulse_type: str) -> None:
    pulses = Pulses.model_validate({"pulse_type": pulse_type})
    tile, law = kit.pair(case, pulses=pulses)
    (x, d), w = batch(20), kit.start(law)
    theirs = kit.after_updates(tile, w, x, d, LR, THEIRS)
    assert_equal_in_law(theirs, kit.ours_after(law, w, x, d, LR, OURS, pulses))


# Chunks: the order of the samples is lost, within a stated bound.

MANY = 60
"""Samples of a mini-batch."""
WIDE = 0.06
"""Samples in chunks spread the weights as one after the other does, to within this part."""


def ways(law: ResponseLaw, w: Tensor, x: Tensor, d: Tensor, lr: float) -> Tensor:
    """How far [O, I] all pulses would move each weight if none went the other way."""
    q = torch.maximum(law.q_plus(w[None]), law.q_minus(w[None]))[0]
    return lr * law.spec.dw_min / law.granularity * (d.abs().T @ x.abs()) * q


@cache
def theirs_one_by_one(case: str, lr: float) -> tuple[Tensor, ResponseLaw, Tensor]:
    """AIHWKit's weights [N, O, I] after the mini-batch, the law, and the weights before."""
    tile, law = kit.pair(case)
    w = kit.start(law)
    return kit.after_updates(tile, w, *batch(MANY), lr, THEIRS), law, w


@pytest.mark.parametrize(("load", "lines"), [(0.05, False), (0.2, False), (0.2, True)], ids=["0.05", "0.2", "lines"])
@pytest.mark.parametrize("case", [case for case in kit.CASES if case != "ideal"])
def test_chunks_stay_within_their_bound(case: str, load: float, lines: bool) -> None:
    lr = 0.006
    (theirs, law, w), (x, d) = theirs_one_by_one(case, lr), batch(MANY)
    chunked = Update(fidelity="chunked", max_load=load)
    ours = kit.ours_after(law, w, x, d, lr, OURS, chunked, lines=lines)
    error = (theirs.var(0) / len(theirs) + ours.var(0) / len(ours)).sqrt()
    off = (ours.mean(0) - theirs.mean(0)).abs()
    assert bool((off <= load * ways(law, w, x, d, lr) + LARGEST_Z * error + 1e-6).all())
    moving = theirs.std(0) > 0.3 * law.granularity
    ratio = (ours.std(0) / theirs.std(0))[moving]
    # A spread from 600 repeats has a standard error of 3 %, the mean of 15 and more of them one below 1.5 %.
    assert float((ratio.mean() - 1).abs()) < WIDE
    assert int(moving.sum()) > 15


@pytest.mark.parametrize("lines", [False, True], ids=["rows", "lines"])
def test_chunks_of_hundreds_of_samples_stay_within_their_bound(lines: bool) -> None:
    """Twenty mini-batches: errors of chunks do not pile up, because devices forget."""
    tile, law = kit.pair("soft-bounds")
    (x, d), w, lr, load = batch(20), kit.start(law), 0.01, 0.05
    theirs = kit.after_updates(tile, w, x, d, lr, THEIRS // 2, 20)
    ours = kit.ours_after(law, w, x, d, lr, OURS // 3, Update(max_load=load), updates=20, lines=lines)
    error = (theirs.var(0) / len(theirs) + ours.var(0) / len(ours)).sqrt()
    # No weight goes farther than the range is wide before it has forgotten where it came from.
    way = (20 * ways(law, w, x, d, lr)).clamp(max=2 * law.spec.tau)
    assert bool(((ours.mean(0) - theirs.mean(0)).abs() <= load * way + LARGEST_Z * error + 1e-6).all())
    assert float((ours.mean(0) - w).abs().max()) > 0.3


@pytest.mark.parametrize("lines", [False, True], ids=["rows", "lines"])
def test_a_learning_rate_ten_percent_off_leaves_the_bound(lines: bool) -> None:
    g, load = torch.Generator().manual_seed(4), 0.05
    # All pulses downwards: the weights go the whole way.
    x, d = 0.5 + torch.rand(MANY, kit.SHAPE[1], generator=g) / 2, 0.5 + torch.rand(MANY, kit.SHAPE[0], generator=g) / 2
    tile, law = kit.pair("constant-step, exact")
    w, lr = torch.zeros(kit.SHAPE), 0.03
    theirs = kit.after_updates(tile, w, x, d, lr, THEIRS)

    def within(factor: float) -> bool:
        ours = kit.ours_after(law, w, x, d, factor * lr, OURS, Update(max_load=load), lines=lines)
        error = (theirs.var(0) / len(theirs) + ours.var(0) / len(ours)).sqrt()
        return bool(((ours.mean(0) - theirs.mean(0)).abs() <= load * ways(law, w, x, d, lr) + LARGEST_Z * error).all())

    assert within(1.0) and not within(1.1)


# What is off is found.


@pytest.mark.parametrize("case", ["soft-bounds", "power 2"])
def test_a_learning_rate_ten_percent_off_is_found(case: str) -> None:
    tile, law = kit.pair(case)
    (x, d), w = batch(5), kit.start(law)
    theirs = kit.after_updates(tile, w, x, d, LR, THEIRS)
    assert distance(theirs, kit.ours_after(law, w, x, d, 1.1 * LR, OURS, Pulses())).z > LARGEST_Z


def test_a_cycle_noise_of_36_percent_instead_of_30_is_found() -> None:
    tile, law = kit.pair("soft-bounds")
    louder = type(law)(law.spec.model_copy(update={"dw_min_std": 0.36}), law.population)
    # One full-length train a sample, so that noise and not the number of pulses spreads the weights.
    w, x, d = kit.start(law), torch.ones(1, kit.SHAPE[1]), torch.ones(1, kit.SHAPE[0])
    theirs = kit.after_updates(tile, w, x, d, 0.1, THEIRS)
    assert distance(theirs, kit.ours_after(louder, w, x, d, 0.1, OURS, Pulses())).spread_z > LARGEST_Z
