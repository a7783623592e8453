"""Residual networks for small images, and torchvision's networks: sizes, names, log-probabilities."""

from dataclasses import dataclass
from typing import get_args

import pytest
import torch
import torchvision
from torch.nn import Conv2d, Identity

from analogcli.errors import SpecError
from analogcli.nn.models import build_model
from analogcli.spec import Model, ResNetModel, TorchvisionModel

NAMES = get_args(TorchvisionModel.model_fields["name"].annotation)


@dataclass(frozen=True)
class Shape:
    channels: int = 3
    height: int = 32
    width: int = 32
    n_outputs: int = 10


RESNET_18, RESNET_34 = ResNetModel(), ResNetModel(blocks=(3, 4, 6, 3))
SMALL = ResNetModel(blocks=(1, 2, 1, 1), width=4)


@pytest.mark.parametrize(
    ("model", "n_outputs", "n_parameters"),
    [(RESNET_18, 10, 11_173_962), (RESNET_18, 100, 11_220_132), (RESNET_34, 10, 21_282_122)],
)
def test_the_number_of_parameters_is_the_known_one(model: ResNetModel, n_outputs: int, n_parameters: int) -> None:
    network = build_model(model, Shape(n_outputs=n_outputs))
    assert sum(p.numel() for p in network.parameters()) == n_parameters


def test_it_is_torchvisions_resnet_with_another_stem() -> None:
    network = build_model(RESNET_18, Shape()).eval()
    theirs = torchvision.models.resnet18(num_classes=10).eval()
    theirs.conv1, theirs.maxpool = Conv2d(3, 64, 3, padding=1, bias=False), Identity()
    theirs.load_state_dict({n.replace("shortcut", "downsample"): t for n, t in network.state_dict().items()})
    x_BCHW = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(network(x_BCHW), torch.log_softmax(theirs(x_BCHW), 1), atol=1e-5)


@pytest.mark.parametrize("shape", [Shape(), Shape(1, 28, 28), Shape(3, 64, 48, 7)])
def test_images_of_any_size_pass_through(shape: Shape) -> None:
    network = build_model(SMALL, shape)
    log_p_BK = network(torch.rand(5, shape.channels, shape.height, shape.width))
    assert log_p_BK.shape == (5, shape.n_outputs)
    assert torch.allclose(log_p_BK.exp().sum(1), torch.ones(5), atol=1e-5)


@pytest.mark.parametrize("model", [SMALL, *(TorchvisionModel(name=name) for name in NAMES)], ids=str)
def test_a_network_gives_log_probabilities_and_a_gradient_to_every_parameter(model: Model) -> None:
    network = build_model(model, Shape(n_outputs=7))
    log_p_BK = network(torch.rand(4, 3, 32, 32))
    assert log_p_BK.shape == (4, 7)
    assert torch.allclose(log_p_BK.exp().sum(1), torch.ones(4), atol=1e-5)
    log_p_BK[:, 0].sum().backward()
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("model", [SMALL, TorchvisionModel(name="mobilenet_v2")], ids=str)
def test_the_weights_follow_from_the_seed(model: Model) -> None:
    first, again, other = (build_model(model, Shape(), seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    matrices = [name for name, t in first.items() if t.dim() > 1]
    assert matrices
    assert not any(torch.equal(first[name], other[name]) for name in matrices)
    # A network is made without memory and then filled: what is not drawn must start as torch starts it.
    assert all(torch.equal(t, torch.ones_like(t)) for name, t in first.items() if name.endswith("running_var"))


def test_torchvisions_networks_want_colour_images() -> None:
    with pytest.raises(SpecError, match="mobilenet_v2 needs colour images; these have 1 channel"):
        build_model(TorchvisionModel(name="mobilenet_v2"), Shape(channels=1))
