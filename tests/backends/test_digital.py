"""Floating-point SGD is what a hand-written torch loop does, and it can be stopped and continued bit for bit."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from analogcli.backends import get
from analogcli.backends.digital import DigitalModel
from analogcli.spec import build

CPU = torch.device("cpu")


class Shape:
    channels, height, width, n_classes = 1, 16, 16, 4


def data(n: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    g = torch.Generator().manual_seed(seed)
    return [(torch.randn(6, 1, 16, 16, generator=g), torch.randint(0, 4, (6,), generator=g)) for _ in range(n)]


def model(momentum: float = 0.0, kind: str = "fcn", seed: int = 0) -> DigitalModel:
    task: dict[str, Any] = {"dataset": "mnist5k", "model": {"kind": kind}, "batch_size": 6, "epochs": 1, "lr": 0.1}
    spec = build({"task": task, "algorithm": {"kind": "fp-sgd", "momentum": momentum}})
    built = get(spec.backend).build(spec, Shape(), seed, CPU)
    assert isinstance(built, DigitalModel)
    return built


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_it_is_a_hand_written_torch_loop(momentum: float) -> None:
    ours = model(momentum)
    theirs = nn.Sequential(nn.Flatten(), nn.Linear(256, 256), nn.Sigmoid(), nn.Linear(256, 128), nn.Sigmoid())
    theirs.extend([nn.Linear(128, 4), nn.LogSoftmax(dim=1)])
    for mine, other in zip(ours.network.parameters(), theirs.parameters(), strict=True):
        other.data.copy_(mine.data)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=momentum)
    for x, y in data(5):
        optimizer.zero_grad()
        loss = nn.functional.nll_loss(theirs(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        torch.testing.assert_close(ours.train_step(x, y, 0.1), loss.detach())
    for mine, other in zip(ours.network.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)
    grads = torch.cat([p.grad.flatten() for p in theirs.parameters() if p.dim() > 1 and p.grad is not None])
    assert ours.gradient_magnitude() == pytest.approx(float(grads.abs().mean()), rel=1e-5)


@pytest.mark.parametrize("kind", ["fcn", "lenet5"])
def test_a_run_repeats_and_continues_bit_for_bit(kind: str) -> None:
    whole, again = model(0.9, kind), model(0.9, kind)
    losses = [whole.train_step(x, y, 0.1) for x, y in data(6)]
    first = [again.train_step(x, y, 0.1) for x, y in data(6)[:3]]
    resumed = model(0.9, kind, seed=99)
    resumed.load_state_dict(again.state_dict())
    rest = [resumed.train_step(x, y, 0.1) for x, y in data(6)[3:]]
    assert losses == first + rest
    assert all(torch.equal(v, whole.state_dict()[k]) for k, v in resumed.state_dict().items())


def test_state_is_a_snapshot() -> None:
    m = model(0.9)
    x, y = data(1)[0]
    m.train_step(x, y, 0.1)
    state = m.state_dict()
    kept = {k: v.clone() for k, v in state.items()}
    m.train_step(x, y, 0.1)
    assert all(torch.equal(v, kept[k]) for k, v in state.items())


def test_seeds_give_different_models() -> None:
    assert not torch.equal(model(seed=1).weights()["linear1"], model(seed=2).weights()["linear1"])


def test_log_probabilities_are_normalised_and_leave_no_graph() -> None:
    log_probs = model().log_probs(data(1)[0][0])
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(6))
    assert not log_probs.requires_grad


def test_weights_are_those_of_the_layers_by_name() -> None:
    weights = model(kind="lenet5").weights()
    assert list(weights) == ["conv1", "conv2", "linear1", "linear2"]
    assert weights["conv1"].shape == (16, 1, 5, 5)
