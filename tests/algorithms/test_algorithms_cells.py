"""What every algorithm keeps as a cell: its state is whole, its seeds decide it, its neighbours do not, bounds hold."""

import pytest
import torch
from algorithms_kit import PERFECT, SHAPE, SPECS, build, start, train
from torch import Tensor

from analogcli.algorithms import CELLS
from analogcli.crossbar import Randomness
from analogcli.spec import Algorithm, Update, WeightModifier
from analogcli.spec.support import ALGORITHMS
from analogcli.spec.unions import members

KINDS = sorted(CELLS)
FIDELITIES = ["sequential", "chunked", "mean-field"]
SEEDS = [3, 1, 4]
QUIET = {"update_policy": "all", "transfer_read": PERFECT, "in_chop_random": False, "modifier": WeightModifier()}
"""Options under which an algorithm itself leaves nothing to chance."""


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_every_algorithm_of_the_specs_has_a_cell_and_the_native_backend_says_so() -> None:
    without_cells = {*ALGORITHMS["digital"], *ALGORITHMS["magnetoionic"]}
    assert set(CELLS) == set(members(Algorithm)) - without_cells == set(ALGORITHMS["native"]) == set(SPECS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_training_goes_on_from_the_state_with_the_same_bits(kind: str, fidelity: str) -> None:
    update = Update(fidelity=fidelity)
    cell, randomness = build(SPECS[kind], SEEDS, update=update), Randomness(SEEDS)
    cell.set_weights(start(SEEDS), randomness)
    train(cell, randomness, SEEDS, range(20))
    state, random_state = cell.state_dict(), randomness.state_dict()
    train(cell, randomness, SEEDS, range(20, 40))

    again, random_again = build(SPECS[kind], SEEDS, update=update), Randomness(SEEDS)
    again.load_state_dict(state)
    random_again.load_state_dict(random_state)
    assert same(again.state_dict(), state)
    train(again, random_again, SEEDS, range(20, 40))
    assert same(again.state_dict(), cell.state_dict())
    assert torch.equal(again.visible(), cell.visible())


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_a_copy_of_plain_tensors_and_what_belongs_to_a_model_leads_with_the_replica_axis(kind: str) -> None:
    cell, randomness = build(SPECS[kind], SEEDS), Randomness(SEEDS)
    train(cell, randomness, SEEDS, range(5))
    state = cell.state_dict()
    before = {name: value.clone() for name, value in state.items()}
    assert all(value.ndim == 0 or len(value) == len(SEEDS) for value in state.values())
    train(cell, randomness, SEEDS, range(5, 10))
    assert same(state, before)
    assert not same(cell.state_dict(), state)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_a_model_among_others_learns_as_it_does_alone(kind: str, fidelity: str) -> None:
    spec, update = SPECS[kind], Update(fidelity=fidelity)
    together, randomness = build(spec, SEEDS, update=update), Randomness(SEEDS)
    together.set_weights(start(SEEDS), randomness)
    train(together, randomness, SEEDS, range(30))
    for i, seed in enumerate(SEEDS):
        alone, own = build(spec, [seed], update=update), Randomness([seed])
        alone.set_weights(start([seed]), own)
        train(alone, own, [seed], range(30))
        # Products of several matrices at once may round differently from one product.
        torch.testing.assert_close(together.visible()[i], alone.visible()[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_learns_otherwise(kind: str) -> None:
    weights = []
    for seed in (1, 2):
        cell, randomness = build(SPECS[kind], [5]), Randomness([seed])
        train(cell, randomness, [5], range(20))
        weights.append(cell.visible().clone())
    assert not torch.equal(*weights)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fidelity", ["mean-field", "mean-field-batch"])
def test_updates_in_the_mean_draw_nothing(kind: str, fidelity: str) -> None:
    quiet = {name: value for name, value in QUIET.items() if name in type(SPECS[kind]).model_fields}
    spec, weights = SPECS[kind].model_copy(update=quiet), []
    for seed in (1, 2):
        cell, randomness = build(spec, [5], update=Update(fidelity=fidelity)), Randomness([seed])
        train(cell, randomness, [5], range(20))
        weights.append(cell.visible().clone())
    assert torch.equal(*weights)
    assert float(weights[0].abs().max()) > 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_no_array_leaves_the_bounds_of_its_devices(kind: str, fidelity: str) -> None:
    cell, randomness = build(SPECS[kind], SEEDS, update=Update(fidelity=fidelity)), Randomness(SEEDS)
    arrays = getattr(cell, "arrays", None) or [cell.array]  # type: ignore[attr-defined]
    for step in range(20):
        train(cell, randomness, SEEDS, range(step, step + 1), lr=1.0)
        for array in arrays:
            assert bool((array.w_ROI <= array.law.upper_ROI).all())
            assert bool((array.w_ROI >= array.law.lower_ROI).all())
    assert float(arrays[0].w_ROI.abs().max()) > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_setting_the_weights_forgets_everything_learnt(kind: str) -> None:
    cell, randomness = build(SPECS[kind], SEEDS), Randomness(SEEDS)
    cell.set_weights(start(SEEDS), randomness)
    fresh = cell.state_dict()
    train(cell, randomness, SEEDS, range(20))
    assert not same(cell.state_dict(), fresh)
    cell.set_weights(start(SEEDS), randomness)
    assert same(cell.state_dict(), fresh)
    torch.testing.assert_close(cell.visible(), start(SEEDS), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_are_0_before_they_are_set(kind: str) -> None:
    assert torch.equal(build(SPECS[kind], SEEDS).visible(), torch.zeros(len(SEEDS), *SHAPE))


@pytest.mark.parametrize("kind", KINDS)
def test_an_update_without_gradient_pulses_nothing_onto_the_first_array(kind: str) -> None:
    cell, randomness = build(SPECS[kind], SEEDS), Randomness(SEEDS)
    cell.set_weights(start(SEEDS), randomness)
    before = cell.state_dict()
    cell.update(torch.zeros(3, 4, SHAPE[1]), torch.zeros(3, 4, SHAPE[0]), 0.1, randomness)
    name = next(name for name in before if name in ("w", "array0.w"))
    assert torch.equal(cell.state_dict()[name], before[name])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_every_algorithm_runs_on_cuda_and_repeats_itself_there(kind: str, fidelity: str) -> None:
    weights = []
    for _ in range(2):
        cell = build(SPECS[kind], SEEDS, update=Update(fidelity=fidelity), on="cuda")
        randomness = Randomness(SEEDS, "cuda")
        cell.set_weights(start(SEEDS).cuda(), randomness)
        train(cell, randomness, SEEDS, range(20))
        weights.append(cell.visible().clone())
    assert weights[0].device.type == "cuda"
    assert torch.equal(*weights)
    assert float((weights[0].cpu() - start(SEEDS)).abs().max()) > 0.01
