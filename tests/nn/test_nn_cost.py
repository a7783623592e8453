"""The cost of arrays is what the multi-tile paper estimates, wherever its formulas give its numbers."""

from collections.abc import Callable
from typing import Any

import pytest
from command_kit import TINY, Done

from analogcli import data
from analogcli.data.source import Size
from analogcli.errors import UsageError
from analogcli.nn.cost import METHODS, PUBLISHED, Layer, Method, Terms, cost, layers_of, published, total
from analogcli.spec import LeNet5Model, ResNetModel

LENET = layers_of(LeNet5Model(), Size(1, 28, 28, 10))
RESNETS = {n: layers_of(ResNetModel(block_type="DDDAAA"), Size(3, 32, 32, n)) for n in (10, 100)}
NETWORKS = {"LeNet-5": (LENET, 8), "ResNet-18": (RESNETS[100], 128)}
"""The paper's ResNet-18 has the 100 classes that its storage and area are those of."""
AS_PUBLISHED = {"LeNet-5": PUBLISHED[0], "ResNet-18": PUBLISHED[1]}
KIB = {("LeNet-5", "tt-v2"), ("LeNet-5", "mp")}
"""Published in units of 1,024 bytes."""


def sums(network: str, method: Method) -> Any:
    layers, batch = NETWORKS[network]
    return total(cost(layer, method, Terms(batch)) for layer in layers)


@pytest.mark.parametrize(("method", "time"), [("tt-v2", 56.3), ("analog-sgd", 30.9), ("mp", 3024.5), ("resl", 95.9)])
def test_the_time_of_a_square_layer_is_the_published_estimate(method: Method, time: float) -> None:
    assert cost(Layer("square", 512, 512), method, Terms(batch=100)).time_ns == pytest.approx(time, abs=0.06)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("method", METHODS)
def test_storage_and_time_of_the_networks_are_the_published_estimates(network: str, method: Method) -> None:
    found, theirs = sums(network, method), AS_PUBLISHED[network].of_method[method]
    unit = 1024 if (network, method) in KIB else 1000
    assert found.storage_bytes / unit == pytest.approx(theirs.storage_kb, rel=0.003)
    if method != "mp":
        assert found.time_ns == pytest.approx(theirs.time_ns, abs=0.06)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_published_times_of_mixed_precision_have_half_of_its_operations(network: str) -> None:
    layers, batch = NETWORKS[network]
    largest = max(layers, key=lambda layer: layer.weights)
    halved = (largest.weights + largest.inputs) / 175 + largest.outputs / batch * 5
    assert halved == pytest.approx(AS_PUBLISHED[network].of_method["mp"].time_ns, rel=1e-4)
    assert sums(network, "mp").time_ns > 1.8 * halved


@pytest.mark.parametrize("network", NETWORKS)
def test_the_area_of_one_array_a_layer_is_the_published_one_and_references_double_it(network: str) -> None:
    one = sums(network, "analog-sgd").area_mm2 / 2
    assert one == pytest.approx(AS_PUBLISHED[network].area_mm2, rel=0.003)
    layers, batch = NETWORKS[network]
    six = total(cost(layer, "resl", Terms(batch, tiles=6)) for layer in layers)
    assert six.area_mm2 == pytest.approx(12 * one)
    assert six.arrays == 12 * len(layers)


@pytest.mark.parametrize(
    ("method", "tiles", "energy"), [("mp", 4, 83.2), ("resl", 2, 12.82 + 9.44), ("resl", 5, 12.82 + 4 * 9.44)]
)
def test_the_energy_of_the_perceptron_is_the_published_one(method: Method, tiles: int, energy: float) -> None:
    layers = [Layer("hidden", 250, 785), Layer("out", 10, 250)]
    found = total(cost(layer, method, Terms(1, tiles=tiles)) for layer in layers)
    assert found.energy_nj == pytest.approx(energy)
    assert total(cost(layer, "tt-v2", Terms(1)) for layer in layers).energy_nj is None


def test_layers_are_those_on_arrays_with_the_vectors_that_an_image_is_for_each() -> None:
    assert [(layer.name, layer.outputs, layer.inputs, layer.positions) for layer in LENET] == [
        ("conv1", 16, 25, 24 * 24),
        ("conv2", 32, 400, 8 * 8),
        ("linear1", 128, 512, 1),
        ("linear2", 10, 128, 1),
    ]
    assert {layer.name.split(".")[0] for layer in RESNETS[10]} == {"layer3", "layer4", "fc"}


def test_estimates_are_shown_for_the_networks_and_batches_that_they_are_of() -> None:
    assert published(LENET, Terms(8)) is PUBLISHED[0]
    assert published(RESNETS[10], Terms(128)) is published(RESNETS[100], Terms(128)) is PUBLISHED[1]
    assert published(LENET, Terms(16)) is published(LENET, Terms(8, 3.0)) is published(LENET[1:], Terms(8)) is None


def test_a_cascade_that_moves_at_every_update_has_no_formula() -> None:
    with pytest.raises(UsageError, match="n_s = 1 is not allowed"):
        Terms(8, 1.0)


@pytest.mark.parametrize("name", ["mnist5k", "toy-sum", "toy-two-layers"])
def test_the_size_of_a_data_set_is_known_before_it_is_loaded(name: str) -> None:
    import torch

    loaded = data.load(name, None, torch.device("cpu"))
    assert data.size(name) == Size(loaded.channels, loaded.height, loaded.width, loaded.n_outputs)


def test_an_experiment_is_estimated_without_its_data(analog: Callable[..., Done]) -> None:
    done = analog("cost", "mnist-lenet5", "--setting", "resl", "--tiles", "4")
    assert done.code == 0, done.err
    assert "linear1" in done.out and "95.9" in done.out and "457.4" in done.out
    found = analog("cost", "cifar-resnet", "--setting", "mp", "--block-type", *"DDDDAA", "--json").json
    assert len(found["layers"]) == 6 and found["sum"] == found["methods"]["mp"] and found["published"] is None


def test_a_stored_run_is_estimated_as_it_is(analog: Callable[..., Done]) -> None:
    analog("run", "mnist-fcn", "--setting", "analog-sgd", "--tau", "0.7", *TINY, "--epochs", "0", "--quiet")
    found = analog("cost", "last", "--json").json
    assert [(layer["outputs"], layer["inputs"]) for layer in found["layers"]] == [(8, 784), (10, 8)]
    assert "leave out the options of a spec" in analog("cost", "last", "--tiles", "4").err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("mnist-fcn",), "there are formulas for analog-sgd, tt-v2, mp, resl, not for fp-sgd"),
        (("mnist-lenet5", "--setting", "tt-v1"), "not for tt-v1; choose one with --setting"),
        (("mnist-lenet5", "--n-s", "1"), "n_s = 1 is not allowed"),
        (("mnist-lenet5", "--tiles", "1"), "algorithm.tiles = 1 is not allowed"),
        (("nothing",), "there is no store"),
    ],
)
def test_what_cannot_be_estimated_is_one_sentence(
    analog: Callable[..., Done], words: tuple[str, ...], sentence: str
) -> None:
    done = analog("cost", *words)
    assert done.code == 2
    assert sentence in done.err and len(done.err.strip().splitlines()) == 1
