"""The networks of the papers, the same from either kind of layer, started from the same weights."""

from dataclasses import dataclass

import pytest
import torch

from analogcli.errors import SpecError
from analogcli.generators import stream
from analogcli.nn import AnalogLayer, AnalogLayers, Chip, TorchLayers, initial_weights
from analogcli.nn.models import MODELS, build_model
from analogcli.spec import FcnModel, LeNet5Model, Mapping, Model, Periphery, SoftBounds, Update


@dataclass(frozen=True)
class Shape:
    channels: int = 1
    height: int = 28
    width: int = 28
    n_classes: int = 10


SPECS: dict[str, Model] = {"fcn": FcnModel(), "lenet5": LeNet5Model()}


def shapes(model: Model, shape: Shape = Shape()) -> list[tuple[int, ...]]:
    network = build_model(model, shape, TorchLayers(stream(0, "init")))
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
    network = build_model(SPECS["lenet5"], Shape(), TorchLayers(stream(0, "init")))
    assert [type(m).__name__ for m in network] == [
        *("Conv2d", "Tanh", "MaxPool2d", "Conv2d", "Tanh", "MaxPool2d", "Tanh"),
        *("Flatten", "Linear", "Tanh", "Linear", "LogSoftmax"),
    ]


@pytest.mark.parametrize("kind", SPECS)
def test_digital_and_analog_start_from_the_same_weights(kind: str) -> None:
    wide = SoftBounds(tau=100.0, w_max_dtod=0, w_min_dtod=0)
    chip = Chip(wide, Periphery(), Mapping(), Update(fidelity="mean-field"), 3, torch.Generator())
    analog = build_model(SPECS[kind], Shape(), AnalogLayers(chip, stream(3, "init")))
    digital = dict(build_model(SPECS[kind], Shape(), TorchLayers(stream(3, "init"))).named_modules())
    layers = {n: m for n, m in analog.named_modules() if isinstance(m, AnalogLayer)}
    assert layers
    for name, layer in layers.items():
        assert torch.equal(layer.weights(), digital[name].weight)  # type: ignore[arg-type]
        assert torch.equal(layer.bias, digital[name].bias)  # type: ignore[arg-type]


def test_initial_weights_are_uniform_within_the_root_of_the_fan_in() -> None:
    weight, _ = initial_weights((200, 100), stream(0, "init"))
    assert float(weight.abs().max()) == pytest.approx(0.1, rel=1e-2)
    assert float(weight.std()) == pytest.approx(0.1 / 3**0.5, rel=0.02)


def test_torchs_global_generator_is_not_touched() -> None:
    before = torch.get_rng_state()
    build_model(SPECS["lenet5"], Shape(), TorchLayers(stream(0, "init")))
    assert torch.equal(torch.get_rng_state(), before)
