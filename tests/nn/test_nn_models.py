"""The networks of the papers, the same from either kind of layer, started from the same weights."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from analogcli.errors import SpecError
from analogcli.generators import stream
from analogcli.nn import Chip, analog_layers, convert_to_analog, initial_weights
from analogcli.nn.models import MODELS, build_model
from analogcli.spec import (
    BatchNormFcnModel,
    FcnModel,
    LeNet5Model,
    MlpModel,
    Model,
    ResNetModel,
    SoftBounds,
    TorchvisionModel,
)


@dataclass(frozen=True)
class Shape:
    channels: int = 1
    height: int = 28
    width: int = 28
    n_outputs: int = 10


SPECS: dict[str, Model | MlpModel] = {
    "fcn": FcnModel(),
    "fcn-batchnorm": BatchNormFcnModel(),
    "lenet5": LeNet5Model(),
    "mlp": MlpModel(hidden=(3, 2), activation="tanh"),
    "resnet": ResNetModel(blocks=(1, 1, 1, 1), width=4),
    "torchvision": TorchvisionModel(name="mobilenet_v3_small"),
}
SHAPES = {"torchvision": Shape(3, 32, 32)} | {kind: Shape() for kind in SPECS if kind != "torchvision"}


def shapes(model: Model | MlpModel, shape: Shape = Shape()) -> list[tuple[int, ...]]:
    network = build_model(model, shape)
    return [tuple(p.shape) for p in network.parameters() if p.dim() > 1]


def test_every_model_is_tested() -> None:
    assert set(SPECS) == set(MODELS)


def test_sizes_are_those_of_the_papers() -> None:
    assert shapes(SPECS["fcn"]) == [(256, 784), (128, 256), (10, 128)]
    assert shapes(SPECS["lenet5"]) == [(16, 1, 5, 5), (32, 16, 5, 5), (128, 512), (10, 128)]


def test_sizes_follow_the_images() -> None:
    assert shapes(SPECS["fcn"], Shape(3, 32, 32, 100))[0] == (256, 3072)
    assert shapes(SPECS["lenet5"], Shape(3, 32, 32, 100))[2:] == [(128, 800), (100, 128)]


def test_images_too_small_for_lenet5_are_refused() -> None:
    with pytest.raises(SpecError, match="16×16"):
        shapes(SPECS["lenet5"], Shape(height=15))


def test_the_order_of_layers_is_that_of_the_papers() -> None:
    network = build_model(SPECS["lenet5"], Shape())
    assert [type(m).__name__ for m in network.children()] == [
        *("Conv2d", "Tanh", "MaxPool2d", "Conv2d", "Tanh", "MaxPool2d", "Tanh"),
        *("Flatten", "Linear", "Tanh", "Linear", "LogSoftmax"),
    ]


@pytest.mark.parametrize("kind", SPECS)
def test_digital_and_analog_start_from_the_same_weights(kind: str) -> None:
    wide = SoftBounds(tau=100.0, w_max_dtod=0, w_min_dtod=0)
    network = build_model(SPECS[kind], SHAPES[kind], seed=3)
    layers = analog_layers(convert_to_analog(network, Chip(wide)))
    digital = dict(network.named_modules())
    assert layers
    for name, layer in layers.items():
        plain = digital[name]
        assert isinstance(plain, nn.Linear | nn.Conv2d)
        assert torch.equal(layer.weights()[0], plain.weight)
        if plain.bias is not None:
            assert layer.bias is not None and torch.equal(layer.bias, plain.bias)


@pytest.mark.parametrize("kind", SPECS)
def test_initial_weights_follow_from_the_seed_alone(kind: str) -> None:
    first, again, other = (build_model(SPECS[kind], SHAPES[kind], seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    assert not all(torch.equal(tensor, other[name]) for name, tensor in first.items())


def test_initial_weights_of_a_network_are_drawn_layer_after_layer() -> None:
    network, generator = build_model(SPECS["lenet5"], Shape(), seed=3), stream(3, "init")
    for name in ("conv1", "conv2", "linear1", "linear2"):
        layer = network.get_submodule(name)
        assert isinstance(layer, nn.Linear | nn.Conv2d)
        weight, bias_O = initial_weights(tuple(layer.weight.shape), generator)
        assert layer.bias is not None
        assert torch.equal(layer.weight, weight) and torch.equal(layer.bias, bias_O)


def test_initial_weights_are_uniform_within_the_root_of_the_fan_in() -> None:
    weight, _ = initial_weights((200, 100), stream(0, "init"))
    assert float(weight.abs().max()) == pytest.approx(0.1, rel=1e-2)
    assert float(weight.std()) == pytest.approx(0.1 / 3**0.5, rel=0.02)


def test_torchs_global_generator_is_not_touched() -> None:
    before = torch.get_rng_state()
    build_model(SPECS["lenet5"], Shape())
    assert torch.equal(torch.get_rng_state(), before)
