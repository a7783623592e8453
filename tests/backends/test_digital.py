"""Floating-point SGD is what a hand-written torch loop does, and it can be stopped and continued bit for bit."""

import pytest
import torch
from backend_kit import NETWORKS, batches, equal, spec, train, trainable
from torch import nn

from analogcli.backends.digital import DigitalModel


def model(*seeds: int, momentum: float = 0.0, network: str = "fcn") -> DigitalModel:
    built = trainable(spec({"kind": "fp-sgd", "momentum": momentum}, network), *seeds)
    assert isinstance(built, DigitalModel)
    return built


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_it_is_a_hand_written_torch_loop(momentum: float) -> None:
    ours = model(momentum=momentum)
    theirs = nn.Sequential(nn.Flatten(), nn.Linear(256, 12), nn.Sigmoid(), nn.Linear(12, 8), nn.Sigmoid())
    theirs.extend([nn.Linear(8, 4), nn.LogSoftmax(dim=1)])
    for mine, other in zip(ours.network.parameters(), theirs.parameters(), strict=True):
        other.data.copy_(mine.data)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=momentum)
    for x, y in batches(5):
        optimizer.zero_grad()
        loss = nn.functional.nll_loss(theirs(x[0]), y[0])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        torch.testing.assert_close(ours.train_step(x, y, 0.1)[0], loss.detach())
    for mine, other in zip(ours.network.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)
    grads = torch.cat([p.grad.flatten() for p in theirs.parameters() if p.dim() > 1 and p.grad is not None])
    assert ours.gradient_magnitude() == [pytest.approx(float(grads.abs().mean()), rel=1e-5)]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_run_repeats_and_continues_bit_for_bit(network: str) -> None:
    whole, again = (model(3, 4, momentum=0.9, network=network) for _ in range(2))
    losses = train(whole, batches(6, 2))
    first = train(again, batches(6, 2)[:3])
    resumed = model(98, 99, momentum=0.9, network=network)
    resumed.load_state_dict(again.state_dict())
    rest = train(resumed, batches(6, 2)[3:])
    assert torch.equal(losses, torch.cat([first, rest]))
    assert equal(resumed.state_dict(), whole.state_dict())


@pytest.mark.parametrize("network", NETWORKS)
def test_a_model_among_three_is_the_model_alone_but_for_rounding(network: str) -> None:
    together = model(3, 4, 5, momentum=0.5, network=network)
    losses = train(together, batches(4, 3))
    for r, seed in enumerate((3, 4, 5)):
        alone = model(seed, momentum=0.5, network=network)
        own = [(x[r : r + 1], y[r : r + 1]) for x, y in batches(4, 3)]
        torch.testing.assert_close(train(alone, own)[:, 0], losses[:, r], atol=1e-3, rtol=1e-3)
        assert alone.gradient_magnitude()[0] == pytest.approx(together.gradient_magnitude()[r], rel=1e-2)
        for name, tensor in alone.state_dict()[0].items():
            torch.testing.assert_close(tensor, together.state_dict()[r][name], atol=1e-3, rtol=1e-2)


def test_models_may_be_continued_in_other_groups() -> None:
    together = model(3, 4, momentum=0.9)
    train(together, batches(3, 2))
    second = model(4, momentum=0.9)
    second.load_state_dict(together.state_dict()[1:])
    ((x, y),) = batches(1, 2, seed=9)
    torch.testing.assert_close(second.train_step(x[1:], y[1:], 0.1), together.train_step(x, y, 0.1)[1:])


def test_a_state_is_a_snapshot() -> None:
    m = model(momentum=0.9)
    ((x, y),) = batches(1)
    m.train_step(x, y, 0.1)
    states = m.state_dict()
    kept = [{name: tensor.clone() for name, tensor in state.items()} for state in states]
    m.train_step(x, y, 0.1)
    assert equal(states, kept)


def test_seeds_give_different_models() -> None:
    first, second = model(1, 2).weights()
    assert not torch.equal(first["linear1"], second["linear1"])


def test_log_probabilities_are_normalised_and_leave_no_graph() -> None:
    log_p = model(0, 1).outputs(batches(1)[0][0][0])
    torch.testing.assert_close(log_p.exp().sum(2), torch.ones(2, 6))
    assert not log_p.requires_grad


def test_weights_are_those_of_the_layers_by_name() -> None:
    (weights,) = model(network="lenet5").weights()
    assert list(weights) == ["conv1", "conv2", "linear1", "linear2"]
    assert weights["conv1"].shape == (8, 1, 5, 5)
