"""Any torch network goes onto a chip: what is selected becomes analog, the rest follows, what cannot is refused."""

from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import mobilenet_v3_small, resnet18

from analogcli.errors import UsageError
from analogcli.nn import (
    AnalogConv2d,
    AnalogLinear,
    Chip,
    ReplicaConv2d,
    ReplicaLinear,
    analog_layers,
    analog_summary,
    convert_to_analog,
)
from analogcli.spec import Mapping, Periphery, SoftBounds, Update

PERFECT = Periphery.model_validate({"forward": {"perfect": True}, "backward": {"perfect": True}})


def chip(*seeds: int) -> Chip:
    wide = SoftBounds(tau=100.0, w_max_dtod=0, w_min_dtod=0)
    return Chip(wide, update=Update(fidelity="mean-field"), periphery=PERFECT, seeds=seeds or (0,))


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 4), nn.Linear(4, 3))


@pytest.mark.parametrize("r", [1, 2])
@pytest.mark.parametrize("make", [resnet18, mobilenet_v3_small])
def test_networks_of_torchvision_are_the_same_network_on_a_perfect_chip_and_learn(make: type, r: int) -> None:
    torch.manual_seed(0)
    plain = make(num_classes=4).eval()
    analog = convert_to_analog(plain, chip(*range(r))).eval()
    convolutions = [m for m in plain.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(analog_layers(analog)) == len(convolutions)
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        y, y_torch = analog(x.repeat(r, 1, 1, 1)), plain(x)
    torch.testing.assert_close(y, y_torch.repeat(r, 1), atol=1e-4, rtol=1e-3)
    before = {name: layer.weights() for name, layer in analog_layers(analog).items()}
    analog.train()(x.repeat(r, 1, 1, 1)).square().sum().backward()
    for name, layer in analog_layers(analog).items():
        layer.learn(0.01)
        assert torch.isfinite(layer.weights()).all()
        assert layer.weights().shape == (r, *before[name].shape[1:])
        if layer.gradient().any():
            assert not torch.equal(layer.weights(), before[name])


def test_the_network_that_is_converted_stays_as_it_is() -> None:
    plain = small()
    before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    analog = convert_to_analog(plain, chip())
    analog(torch.randn(2, 1, 8, 8)).sum().backward()
    for layer in analog_layers(analog).values():
        layer.learn(1.0)
    assert [type(m) for m in plain] == [nn.Conv2d, nn.BatchNorm2d, nn.Flatten, nn.Linear, nn.Linear]
    assert all(torch.equal(tensor, before[name]) for name, tensor in plain.state_dict().items())


@pytest.mark.parametrize("r", [1, 2])
def test_only_what_is_selected_goes_onto_arrays(r: int) -> None:
    analog = convert_to_analog(small(), chip(*range(r)), select=lambda name, module: name == "3")
    assert list(analog_layers(analog)) == ["3"]
    kinds = [type(m) for m in analog.children()]
    assert kinds[0] is (nn.Conv2d if r == 1 else ReplicaConv2d)
    assert kinds[3:] == [AnalogLinear, nn.Linear if r == 1 else ReplicaLinear]
    assert analog(torch.randn(2 * r, 1, 8, 8)).shape == (2 * r, 3)


def test_one_network_for_all_models_or_one_for_each() -> None:
    same = convert_to_analog(nn.Linear(2, 2), chip(0, 1))
    assert isinstance(same, AnalogLinear) and torch.equal(same.weights()[0], same.weights()[1])
    each = convert_to_analog([nn.Linear(2, 2), nn.Linear(2, 2)], chip(0, 1))
    assert isinstance(each, AnalogLinear) and not torch.equal(each.weights()[0], each.weights()[1])
    with pytest.raises(UsageError, match="3 networks for 2 models; give one, or one for each seed"):
        convert_to_analog([nn.Linear(2, 2)] * 3, chip(0, 1))


class Odd(nn.Module):
    """A module with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.shift


@pytest.mark.parametrize("odd", [Odd(), nn.LayerNorm(2), nn.PReLU(), nn.Conv1d(2, 2, 1)])
def test_what_has_no_form_for_several_models_is_refused_by_name_and_stays_as_it_is_for_one(odd: nn.Module) -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Identity(), odd))
    with pytest.raises(UsageError, match=rf"^1\.1 \({type(odd).__name__}\) has parameters .*--fuse 1"):
        convert_to_analog(network, chip(0, 1))
    assert list(analog_layers(convert_to_analog(network, chip()))) == ["0"]


def test_a_module_under_two_names_stays_one_module() -> None:
    shared = nn.Linear(2, 2)
    analog = convert_to_analog(nn.Sequential(shared, nn.Tanh(), shared), chip())
    assert analog.get_submodule("0") is analog.get_submodule("2")


def test_devices_follow_the_name_of_the_layer_and_the_seed_and_nothing_else() -> None:
    def bounds(analog: nn.Module) -> torch.Tensor:
        cell: Any = analog_layers(analog)["3"].array.placed[0].tile.cell
        upper_ROI: torch.Tensor = cell.array.law.upper_ROI
        return upper_ROI

    devices = SoftBounds()
    both = convert_to_analog(small(), Chip(devices, seeds=(4, 7)))
    only = convert_to_analog(small(), Chip(devices, seeds=(7,)), select=lambda name, module: name == "3")
    assert torch.equal(bounds(both)[1], bounds(only)[0])
    assert not torch.equal(bounds(both)[0], bounds(both)[1])
    built = convert_to_analog(small(), Chip(SoftBounds(construction_seed=5), seeds=(4, 7)))
    assert torch.equal(bounds(built)[0], bounds(built)[1])


def test_groups_of_a_convolution_have_devices_of_their_own() -> None:
    layer = convert_to_analog(nn.Conv2d(4, 4, 3, groups=2), Chip(SoftBounds(), seeds=(1, 2)))
    assert isinstance(layer, AnalogConv2d)
    cell: Any = layer.array.placed[0].tile.cell
    assert len({float(one) for one in cell.array.law.upper_ROI[:, 0, 0]}) == 4


def test_torchs_state_dict_has_the_arrays_too() -> None:
    first, second = (convert_to_analog(small(), chip()) for _ in range(2))
    first(torch.randn(2, 1, 8, 8)).sum().backward()
    for layer in analog_layers(first).values():
        layer.learn(0.1)
    second.load_state_dict(first.state_dict())
    for name, layer in analog_layers(first).items():
        assert torch.equal(layer.weights(), analog_layers(second)[name].weights())


def test_the_summary_counts_what_lies_on_arrays_and_what_does_not() -> None:
    on = Chip(SoftBounds(tau=0.5, dw_min=0.01), mapping=Mapping(max_input_size=40), seeds=(0, 1))
    summary = analog_summary(convert_to_analog(small(), on, select=lambda name, module: name != "4"))
    convolution, linear = summary.layers
    assert (convolution.layer, convolution.shape, convolution.tiles, convolution.parameters) == ("0", "2×1×3×3", 1, 18)
    assert (linear.layer, linear.shape, linear.tiles, linear.parameters) == ("3", "4×72", 2, 288)
    assert (linear.device, linear.algorithm, linear.states) == ("soft-bounds", "analog-sgd", 100)
    assert summary.digital_parameters == 2 + 4 + 4 + (12 + 3)
    assert str(summary).splitlines()[0].split() == [
        *("layer", "shape", "tiles", "device", "algorithm", "parameters", "states")
    ]
    assert str(summary).splitlines()[-1] == "306 weights on arrays, 25 digital, 2 models"
