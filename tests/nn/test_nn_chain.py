"""A chain of layers gives the losses, gradients and learning of autograd; what is no chain is left to it."""

import pytest
import torch
from torch import Tensor, nn

from analogcli.nn import AnalogLayer, Chip, convert_to_analog
from analogcli.nn.chain import LINKS, Chain
from analogcli.spec import Mapping, Periphery, Update

PERFECT = Periphery.model_validate({"forward": {"perfect": True}, "backward": {"perfect": True}})


def network(activation: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), activation(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 7), activation(),
        nn.Linear(7, 5), nn.LogSoftmax(dim=1),
    )  # fmt: skip


def pair(activation: type[nn.Module], replicas: int) -> tuple[nn.Sequential, nn.Sequential]:
    """The same analog network twice."""
    made = []
    for _ in range(2):
        torch.manual_seed(0)
        mapping, update = Mapping(learn_out_scaling=True, max_input_size=20), Update(fidelity="mean-field")
        chip = Chip(periphery=PERFECT, mapping=mapping, update=update, seeds=range(replicas))
        made.append(convert_to_analog(network(activation), chip))
    return made[0], made[1]  # type: ignore[return-value]


def batch(replicas: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    return torch.randn(6 * replicas, 2, 8, 8, generator=g), torch.randint(0, 5, (6 * replicas,), generator=g)


@pytest.mark.parametrize("activation", [kind for kind in LINKS if kind not in (nn.Flatten, nn.MaxPool2d)])
@pytest.mark.parametrize("replicas", [1, 3])
def test_a_chain_is_autograd(activation: type[nn.Module], replicas: int) -> None:
    ours, theirs = pair(activation, replicas)
    x, y = batch(replicas)
    chain = Chain.of(ours, replicas)
    assert chain is not None
    loss_R = chain.forward_backward(x, y)
    expected_R = nn.functional.nll_loss(theirs(x), y, reduction="none").view(replicas, -1).mean(1)
    expected_R.sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(loss_R, expected_R.detach())
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(a, AnalogLayer) and isinstance(b, AnalogLayer):
            torch.testing.assert_close(a.gradient(), b.gradient())
            a.learn(0.1)
            b.learn(0.1)
            torch.testing.assert_close(a.weights(), b.weights())


@pytest.mark.parametrize("size", [(6, 6), (7, 5)], ids=["even", "odd"])
def test_pooling_gives_torchs_maxima_and_places(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(2)).round(decimals=0)  # many are equal
    expected_y, expected_place = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
    y, back = LINKS[nn.MaxPool2d](nn.MaxPool2d(2), x)
    assert torch.equal(y, expected_y)
    at_maxima = torch.zeros(2, 3, x[0, 0].numel()).scatter_(2, expected_place.flatten(2), 1.0)
    assert torch.equal(back(torch.ones_like(y)).flatten(2), at_maxima)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Linear(4, 4), nn.BatchNorm1d(4), nn.LogSoftmax(dim=1)],
        [nn.Linear(4, 4), nn.Sigmoid()],
        [nn.Flatten(), nn.LogSoftmax(dim=1)],
    ],
    ids=["another layer", "no probabilities", "nothing to learn"],
)
def test_what_is_no_chain_is_left_to_autograd(layers: list[nn.Module]) -> None:
    assert Chain.of(convert_to_analog(nn.Sequential(*layers), Chip(periphery=PERFECT)), 1) is None
