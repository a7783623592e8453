"""Training on AIHWKit's tiles: it learns, and what it reports is what it did."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from aihwkit_kit import IDEAL, PERFECT, batch, convolution_network, model, needs_aihwkit, small_network
from torch import nn

pytestmark = [pytest.mark.aihwkit, needs_aihwkit]


@pytest.mark.parametrize("algorithm", [{"kind": "analog-sgd"}, {"kind": "tt-v1", "fast_lr": 0.1}])
def test_learns_a_separable_problem(algorithm: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(3, (600,), generator=generator)
    x = 0.3 * torch.rand(600, 1, 3, 3, generator=generator)
    x[torch.arange(600), 0, y] += 0.7  # class k lights up row k
    trainable = model(algorithm=algorithm, mapping={"learn_out_scaling": True})
    for _ in range(8):
        for chunk in torch.arange(600).split(10):
            trainable.train_step(x[chunk], y[chunk], lr=0.2)
    accuracy = (trainable.outputs(x).argmax(1) == y).float().mean().item()
    assert accuracy > 0.9


def test_loss_is_the_mean_nll_before_the_update() -> None:
    trainable = model(periphery=PERFECT)
    x, y = batch()
    expected = nn.functional.nll_loss(trainable.outputs(x), y)
    loss = trainable.train_step(x, y, lr=0.1)
    torch.testing.assert_close(loss, expected)
    assert not loss.requires_grad and loss.ndim == 0


@pytest.mark.parametrize("network", [small_network, convolution_network])
@pytest.mark.parametrize("max_input_size", [512, 5])
def test_gradient_magnitude_is_autograds(network: Callable[[], nn.Module], max_input_size: int) -> None:
    mapping = {"max_input_size": max_input_size, "learn_out_scaling": True, "weight_scaling_omega": 0.4}
    trainable = model(network, periphery=PERFECT, mapping=mapping, device={"tau": 2.0, **IDEAL})
    for tile in trainable.network.analog_tiles():
        tile.set_learned_out_scales(0.5)
    plain, (x, y) = network(), batch()
    plain.load_state_dict({f"{name}.weight": w for name, w in trainable.weights().items()}, strict=False)
    nn.functional.nll_loss(plain(x), y).backward()
    gradients = torch.cat([p.grad.flatten() for p in plain.parameters() if p.ndim > 1 and p.grad is not None])
    assert trainable.gradient_magnitude() == 0.0
    trainable.train_step(x, y, lr=0.01)
    assert trainable.gradient_magnitude() == pytest.approx(gradients.abs().mean().item(), rel=1e-4)
