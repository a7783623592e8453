"""Networks on AIHWKit's tiles: they start from the weights of the seed, and so do their devices."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from aihwkit_kit import (
    CPU,
    IDEAL,
    batch,
    convolution_network,
    model,
    needs_aihwkit,
    populations,
    reason,
    small_network,
    spec,
)
from torch import nn

from analogcli.backends.aihwkit import AihwkitBackend
from analogcli.spec.support import ALGORITHMS

if not reason:
    from analogcli.backends.aihwkit.tiles import construction_seeds
    from analogcli.backends.aihwkit.trainable import AihwkitModel

pytestmark = [pytest.mark.aihwkit, needs_aihwkit]


EVERY: list[dict[str, Any]] = [
    {"kind": kind, **({"warm_start": "off"} if kind == "resl" else {})}
    for kind in ALGORITHMS["aihwkit"]
    if kind != "hwa"
]


class Digits:
    """The shape of MNIST."""

    channels, height, width, n_outputs = 1, 28, 28, 10


@pytest.mark.parametrize("kind", ["fcn", "lenet5"])
def test_a_model_starts_from_the_weights_of_its_seed(kind: str) -> None:
    """They are those of the digital engine, clipped to the bounds of the devices."""
    from analogcli.nn.models import build_model

    analog = spec(task={"model": {"kind": kind}}, device={"tau": 2.0, **IDEAL})
    plain = build_model(analog.task.model, Digits(), seed=3)
    trainable = AihwkitBackend().build(analog, Digits(), [3], CPU)
    expected = {n.removesuffix(".weight"): p.detach() for n, p in plain.named_parameters() if p.ndim > 1}
    (weights,) = trainable.weights()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weight, expected[name]) for name, weight in weights.items())
    x, y = torch.rand(1, 2, 1, 28, 28), torch.tensor([[1, 2]])
    (loss,) = trainable.train_step(x, y, lr=0.1)
    assert loss.isfinite() and trainable.outputs(x[0]).shape == (1, 2, 10)


@pytest.mark.parametrize("network", [small_network, convolution_network])
@pytest.mark.parametrize("mapping", [{}, {"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True}])
def test_initial_weights_are_the_networks(network: Callable[[], nn.Module], mapping: dict[str, Any]) -> None:
    expected = {n.removesuffix(".weight"): p.detach() for n, p in network().named_parameters() if p.ndim > 1}
    found = model(network, device={"tau": 2.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0}, mapping=mapping).weights()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor)


def test_layers_are_split_into_tiles_of_their_own_devices() -> None:
    split = model(mapping={"max_input_size": 5})
    assert [tuple(p.shape[1:]) for p in populations(split)] == [(6, 5), (6, 4), (3, 3), (3, 3)]
    assert not torch.equal(populations(split)[2], populations(split)[3])
    torch.testing.assert_close(split.weights()["1"], small_network().state_dict()["1.weight"])


@pytest.mark.parametrize("algorithm", EVERY, ids=lambda algorithm: algorithm["kind"])
def test_population_follows_the_seed(algorithm: dict[str, Any]) -> None:
    first, again, other = (populations(model(seed=seed, algorithm=algorithm)) for seed in (4, 4, 5))
    for a, b, c in zip(first, again, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a[:2], c[:2])


def test_a_given_construction_seed_holds_for_every_model_and_tile() -> None:
    parts: dict[str, Any] = {"device": {"construction_seed": 10}, "mapping": {"max_input_size": 3}}
    a, b = (populations(model(seed=seed, **parts)) for seed in (4, 5))
    assert all(torch.equal(x[:8], y[:8]) for x, y in zip(a, b, strict=True))
    assert torch.equal(a[0][:8], a[1][:8])


def test_construction_seeds_are_in_aihwkits_range_and_differ() -> None:
    seeds = [next(construction_seeds(seed, None)) for seed in range(200)]
    assert all(1 <= seed < 2**30 for seed in seeds)
    assert len(set(seeds)) == len(seeds)


def test_building_and_training_leave_the_global_generator_alone() -> None:
    network, state = small_network(), torch.get_rng_state()
    AihwkitModel(network, spec(), 0, CPU).train_step(*batch(), lr=0.1)
    assert torch.equal(state, torch.get_rng_state())
