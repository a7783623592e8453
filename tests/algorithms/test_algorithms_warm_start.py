"""Warm start of multi-tile residual learning: which tile is trained when; the cascade starts once and for good."""

import pytest
import torch
from algorithms_kit import PERFECT, batch, build
from torch import Tensor

from analogcli.algorithms import MultiTileResidualCell, end_of_epoch
from analogcli.algorithms.warm_start import RULES, WarmStart, plateau
from analogcli.crossbar import Randomness
from analogcli.spec import MultiTileResidual

TILES = 4
CODE = ["code-mnist", "code-cifar"]


def chain(warm_start: str, seeds: tuple[int, ...] = (0,)) -> tuple[MultiTileResidualCell, Randomness]:
    algorithm = MultiTileResidual(
        tiles=TILES,
        transfer_every=1,
        transfer_every_ratio=2,
        transfer_lr=1.0,
        fast_lr=0.5,
        warm_start=warm_start,
        transfer_read=PERFECT,
    )
    cell = build(algorithm, seeds)
    assert isinstance(cell, MultiTileResidualCell)
    return cell, Randomness(seeds)


def moved(cell: MultiTileResidualCell, randomness: Randomness, model: int = 0, mini_batches: int = 40) -> set[int]:
    """Return which tiles of a model move within an epoch."""
    before = [array.w_ROI[model].clone() for array in cell.arrays]
    for step in range(mini_batches):
        x_RBI, d_RBO = batch([0], step)
        cell.update(x_RBI.expand(cell.shape[0], -1, -1), d_RBO.expand(cell.shape[0], -1, -1), 0.1, randomness)
    pairs = zip(cell.arrays, before, strict=True)
    return {i for i, (array, old) in enumerate(pairs) if not torch.equal(array.w_ROI[model], old)}


def epoch(cell: MultiTileResidualCell, *losses: float) -> None:
    end_of_epoch(cell, torch.tensor(losses))


def test_tile_0_fills_the_coarse_tiles_one_after_the_other_and_then_feeds_the_cascade() -> None:
    cell, randomness = chain("paper")
    seen = []
    for loss in range(5):
        seen.append(moved(cell, randomness))
        epoch(cell, float(loss))
    # A plateau needs two losses: the first epoch cannot end in one.
    assert seen == [{0, 3}, {0, 3}, {0, 2}, {0, 1}, {0, 1, 2, 3}]


@pytest.mark.parametrize("variant", CODE)
def test_the_released_code_needs_two_epochs_for_each_tile_and_one_plateau_more(variant: str) -> None:
    cell, randomness = chain(variant)
    seen = []
    for loss in range(9):
        seen.append(moved(cell, randomness))
        epoch(cell, float(loss))
    assert seen == [{0, 3}, {0, 3}, {0, 2}, {0, 2}, {0, 1}, {0, 1}, {0}, {0}, {0, 1, 2, 3}]


def test_without_warm_start_the_cascade_runs_from_the_first_mini_batch_on() -> None:
    cell, randomness = chain("off")
    assert moved(cell, randomness) == {0, 1, 2, 3}
    epoch(cell, 1.0)
    assert moved(cell, randomness) == {0, 1, 2, 3}


@pytest.mark.parametrize("variant", sorted(RULES))
def test_the_cascade_starts_once_and_for_good_whatever_the_losses_do(variant: str) -> None:
    warm = WarmStart(RULES[variant], TILES, arrays=1)
    losses = torch.rand(400, generator=torch.Generator().manual_seed(1)).tolist()
    stages, in_cascade = [], []
    for loss in losses:
        warm.end_of_epoch(torch.tensor([loss]))
        stages.append(int(warm.stage_R))
        in_cascade.append(bool(warm.in_cascade_R))
    assert stages == sorted(stages)
    assert set(stages) == set(range(max(stages) + 1))
    first = in_cascade.index(True)
    assert all(in_cascade[first:])
    assert stages[first] == max(stages) == TILES - 1 + RULES[variant].extra_plateaus


def test_a_falling_loss_never_leaves_the_first_tile() -> None:
    cell, randomness = chain("paper")
    for loss in range(20, 0, -1):
        epoch(cell, float(loss))
    assert moved(cell, randomness) == {0, 3}


def test_every_model_follows_its_own_loss_and_is_what_it_would_be_alone() -> None:
    losses = {3: [1.0, 2.0, 3.0, 4.0, 4.0], 7: [1.0, 0.9, 0.8, 0.9, 0.7]}
    together, randomness = chain("paper", (3, 7))
    for pair in zip(*losses.values(), strict=True):
        moved(together, randomness, mini_batches=6)
        epoch(together, *pair)
    assert together.warm_start is not None
    assert together.warm_start.stage_R.tolist() == [3, 1]
    for i, (seed, own_losses) in enumerate(losses.items()):
        alone, own = chain("paper", (seed,))
        for loss in own_losses:
            moved(alone, own, mini_batches=6)
            epoch(alone, loss)
        for ours, theirs in zip(together.arrays, alone.arrays, strict=True):
            assert torch.equal(ours.w_ROI[i], theirs.w_ROI[0])


def test_the_stage_the_cursors_and_the_history_survive_a_resume() -> None:
    cell, randomness = chain("code-cifar")
    for loss in (1.0, 2.0, 1.5):
        moved(cell, randomness, mini_batches=7)
        epoch(cell, loss)
    again, own = chain("code-cifar")
    again.load_state_dict(cell.state_dict())
    own.load_state_dict(randomness.state_dict())
    for part in (cell, again):
        # The history holds one loss, 1.5: growth to 1.6 is a plateau only if that is remembered.
        epoch(part, 1.6)
        assert part.warm_start is not None
        assert part.warm_start.stage_R.tolist() == [2]
    assert moved(cell, randomness) == moved(again, own) == {0, 1}
    assert torch.equal(cell.visible(), again.visible())


FALLS, RISES = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 2.0]
NEARLY_FLAT = [1.0, 0.995, 0.993, 0.992, 0.9915, 0.9912]
TWO_IN_FIVE = [5.0, 4.0, 4.5, 3.0, 3.5, 2.0]
ONE_IN_FIVE = [5.0, 4.0, 4.5, 3.0, 2.5, 2.0]


@pytest.mark.parametrize(
    ("losses", "before", "rule", "expected"),
    [
        ([1.0], 0, "paper", False),
        (RISES, 0, "paper", True),
        ([1.0, 1.00001], 0, "paper", True),
        ([1.0, 1.00001], 0, "code-mnist", False),
        ([1.0, 1.0], 0, "paper", False),
        (RISES, 3, "paper", True),
        (RISES, 4, "paper", False),
        (FALLS, 4, "paper", False),
        (TWO_IN_FIVE, 4, "paper", True),
        (ONE_IN_FIVE, 4, "paper", False),
        (TWO_IN_FIVE[1:], 4, "paper", False),
        (NEARLY_FLAT, 4, "paper", False),
        (NEARLY_FLAT, 4, "code-mnist", True),
        (NEARLY_FLAT, 4, "code-cifar", False),
    ],
)
def test_a_plateau_is_what_the_paper_and_the_code_call_one(
    losses: list[float], before: int, rule: str, expected: bool
) -> None:
    assert plateau(losses, before, RULES[rule]) is expected


def periods_of_the_warm_start(cell: MultiTileResidualCell, randomness: Randomness) -> list[int]:
    """Return after which mini-batches the coarse tile moves."""
    steps, last = [], cell.arrays[-1].w_ROI.clone()
    for step in range(12):
        cell.update(torch.ones(1, 4, 5), torch.ones(1, 4, 4), 0.1, randomness)
        if not torch.equal(cell.arrays[-1].w_ROI, last):
            steps.append(step + 1)
        last = cell.arrays[-1].w_ROI.clone()
    return steps


@pytest.mark.parametrize(("variant", "period"), [("paper", 1), ("code-mnist", 2), ("code-cifar", 2)])
def test_the_warm_start_has_the_period_of_the_first_tile_or_in_the_code_of_the_second(
    variant: str, period: int
) -> None:
    assert periods_of_the_warm_start(*chain(variant)) == list(range(period, 13, period))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gamma": 1.0}, "less than 1"),
        ({"gamma": 0.0}, "greater than 0"),
        ({"tiles": 1}, "greater than or equal to 2"),
        ({"gamma_vec": [0.5, 1.0], "tiles": 3}, "2 entries; 3 tiles need 3"),
        ({"transfer_lr_vec": [0.1], "tiles": 3}, "1 entries; 3 tiles need 2"),
        ({"gamma_vec": [0.5, -1.0], "tiles": 2}, "must be above 0"),
        ({"warm_start": "yes"}, "paper"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTileResidual.model_validate(fields)


def test_the_scripts_vectors_are_geometric() -> None:
    spec = MultiTileResidual(tiles=7, gamma=0.5, transfer_every=2, transfer_every_ratio=5, transfer_lr_ratio=1.2)
    assert spec.gammas == pytest.approx([2.0**-n for n in range(6, -1, -1)])
    assert spec.periods == pytest.approx([2, 10, 50, 250, 1250, 6250])
    assert spec.transfer_lrs[0] == pytest.approx(0.2986, abs=1e-4)
    assert spec.transfer_lrs[-1] == pytest.approx(0.12)


def test_groups_of_a_convolution_share_the_loss_of_their_model() -> None:
    warm = WarmStart(RULES["paper"], TILES, arrays=4)
    for pair in ([1.0, 1.0], [2.0, 0.5]):
        warm.end_of_epoch(Tensor(pair))
    assert warm.stage_R.tolist() == [1, 1, 0, 0]
