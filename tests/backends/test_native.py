"""The native engine: seeded to the last bit, continued to the last bit, and floating-point SGD in the ideal limit."""

from typing import Any

import pytest
import torch
from backend_kit import CPU, NETWORKS, batches, equal, spec, train, trainable

from analogcli.algorithms import CELLS
from analogcli.backends.digital import DigitalModel
from analogcli.backends.native import NativeModel
from analogcli.crossbar import LAWS
from analogcli.spec.support import ALGORITHMS, DEVICES, FIDELITIES

PERFECT = {"forward": {"perfect": True}, "backward": {"perfect": True}}
IDEAL = {"dw_min_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0}
SPLIT = {"learn_out_scaling": True, "max_input_size": 200}

algorithms = pytest.mark.parametrize("algorithm", CELLS)
networks = pytest.mark.parametrize("network", NETWORKS)
pairs = pytest.mark.parametrize(
    ("algorithm", "network"),
    # Algorithms that go through the samples one by one take long where every image is hundreds of patches.
    [(algorithm, "fcn") for algorithm in CELLS]
    + [(algorithm, "lenet5") for algorithm in ("analog-sgd", "tt-v1", "mp")],
)
PULSED = [kind for kind in ("soft-bounds", "power", "exponential", "linear") if kind in LAWS]


def native(
    *seeds: int, algorithm: str = "analog-sgd", network: str = "fcn", device: dict[str, Any] | None = None, **parts: Any
) -> NativeModel:
    hardware: dict[str, Any] = {"periphery": {}, "update": {}, "mapping": SPLIT} | parts
    hardware["device"] = {"kind": "ideal" if algorithm == "hwa" else "soft-bounds"} | (device or {})
    of = spec({"kind": algorithm}, network, backend="native", **hardware)
    built = trainable(of, *seeds)
    assert isinstance(built, NativeModel)
    return built


def test_what_the_spec_allows_is_there() -> None:
    assert set(CELLS) == set(ALGORITHMS["native"])
    assert set(LAWS) == set(DEVICES["native"])


@pairs
def test_a_run_repeats_and_continues_bit_for_bit(algorithm: str, network: str) -> None:
    whole, again = (native(3, 4, algorithm=algorithm, network=network) for _ in range(2))
    resumed = native(3, 4, algorithm=algorithm, network=network)
    losses = train(whole, batches(6, 2))
    first = train(again, batches(6, 2)[:3])
    train(resumed, batches(1, 2, seed=1))
    resumed.load_state_dict(again.state_dict())
    rest = train(resumed, batches(6, 2)[3:])
    assert torch.equal(losses, torch.cat([first, rest]))
    assert equal(resumed.state_dict(), whole.state_dict())


@pytest.mark.parametrize("fidelity", FIDELITIES["native"])
@networks
def test_so_it_does_at_every_fidelity(fidelity: str, network: str) -> None:
    whole, again = (native(network=network, update={"fidelity": fidelity}) for _ in range(2))
    assert torch.equal(train(whole, batches(4)), train(again, batches(4)))
    assert equal(whole.state_dict(), again.state_dict())


@pairs
def test_a_model_among_three_is_the_model_alone_but_for_rounding(algorithm: str, network: str) -> None:
    """A rounding difference may turn a pulse on or off: a few weights differ by about one, the rest by nothing."""
    together = native(3, 4, 5, algorithm=algorithm, network=network)
    losses = train(together, batches(3, 3))
    for r, seed in enumerate((3, 4, 5)):
        alone = native(seed, algorithm=algorithm, network=network)
        own = [(x[r : r + 1], y[r : r + 1]) for x, y in batches(3, 3)]
        torch.testing.assert_close(train(alone, own)[:, 0], losses[:, r], atol=0.02, rtol=0.02)
        for name, weights in alone.weights()[0].items():
            differing = (weights - together.weights()[r][name]).abs() > 1e-4
            assert differing.float().mean() < 0.02, name


def test_models_may_be_continued_in_other_groups() -> None:
    together = native(3, 4, 5, network="resnet")
    train(together, batches(3, 3))
    states = together.state_dict()
    (x, y) = batches(1, 3, seed=9)[0]
    expected = together.train_step(x, y, 0.1)
    for group in ([0], [1, 2]):
        part = native(*(3 + r for r in group), network="resnet")
        part.load_state_dict([states[r] for r in group])
        torch.testing.assert_close(part.train_step(x[group], y[group], 0.1), expected[group], atol=1e-4, rtol=1e-4)


def test_the_random_numbers_of_an_evaluation_are_part_of_the_state() -> None:
    a, b = native(), native()
    ((x, y),) = batches(1)
    a.outputs(x[0])
    assert not torch.equal(a.train_step(x, y, 0.1), b.train_step(x, y, 0.1))
    a.outputs(x[0])
    b.load_state_dict(a.state_dict())
    assert torch.equal(a.train_step(x, y, 0.1), b.train_step(x, y, 0.1))


def test_a_state_is_a_snapshot() -> None:
    m = native(1, 2)
    ((x, y),) = batches(1, 2)
    m.train_step(x, y, 0.1)
    states = m.state_dict()
    kept = [{name: tensor.clone() for name, tensor in state.items()} for state in states]
    m.train_step(x, y, 0.1)
    assert equal(states, kept)
    m.load_state_dict(states)
    m.train_step(x, y, 0.1)
    assert equal(states, kept)


def test_the_state_of_a_model_does_not_grow_with_its_neighbours() -> None:
    alone, together = native(3).state_dict()[0], native(2, 3).state_dict()[1]
    assert {n: t.shape for n, t in together.items()} == {n: t.shape for n, t in alone.items()}


def test_seeds_differ_in_weights_devices_and_noise() -> None:
    both = native(1, 2)
    first, second = both.weights()
    assert not torch.equal(first["linear1"], second["linear1"])
    cell: Any = both.layers["linear1"].array.placed[0].tile.cell
    assert not torch.equal(*cell.array.law.upper_ROI)
    ((x, _),) = batches(1)
    same = native(1, 1)
    assert not torch.equal(*native(1, 2).outputs(x[0]))
    torch.testing.assert_close(*same.outputs(x[0]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", PULSED)
@networks
def test_perfect_hardware_is_floating_point_sgd(kind: str, network: str) -> None:
    """τ → ∞ makes every response 1 (γ_res does not matter), and then the mean of analog SGD is SGD."""
    mean = {"fidelity": "mean-field"}
    device = {"kind": kind, "tau": 1e5, **IDEAL}
    analog = native(0, 1, device=device, periphery=PERFECT, update=mean, network=network, mapping={})
    digital = trainable(spec({"kind": "fp-sgd"}, network), 0, 1)
    assert isinstance(digital, DigitalModel)
    torch.testing.assert_close(train(analog, batches(5, 2)), train(digital, batches(5, 2)), atol=1e-3, rtol=1e-3)
    assert analog.gradient_magnitude() == pytest.approx(digital.gradient_magnitude(), rel=1e-2)
    for ours, theirs in zip(analog.weights(), digital.weights(), strict=True):
        for name, weight in ours.items():
            torch.testing.assert_close(weight, theirs[name], atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("kind", PULSED)
def test_it_learns(kind: str) -> None:
    m = native(0, 1, device={"kind": kind}, network="lenet5")
    ((x, y),) = batches(1, 2)
    losses = torch.stack([m.train_step(x, y, 0.3) for _ in range(60)])
    assert (losses[-5:].mean(0) < 0.8 * losses[:5].mean(0)).all()


def test_weights_never_leave_the_range_of_the_devices() -> None:
    m = native(device={"tau": 0.05, "w_max_dtod": 0, "w_min_dtod": 0}, mapping={})
    for x, y in batches(5):
        m.train_step(x, y, 1.0)
    assert max(float(w.abs().max()) for w in m.weights()[0].values()) <= 0.05 + 1e-8


def test_read_noise_stays_on_in_inference_and_leaves_no_graph() -> None:
    m = native(0, 1)
    x = batches(1)[0][0][0]
    a, b = m.outputs(x), m.outputs(x)
    assert not torch.equal(a, b)
    assert not a.requires_grad
    torch.testing.assert_close(a.exp().sum(2), torch.ones(2, 6))


def test_normalisation_follows_the_batch_in_training_and_its_statistics_in_inference() -> None:
    m = native(0, 1, network="resnet")
    ((x, y),) = batches(1, 2)
    statistics = [s["bn1.running_mean"].clone() for s in m.state_dict()]
    m.outputs(x[0])
    assert all(torch.equal(s["bn1.running_mean"], old) for s, old in zip(m.state_dict(), statistics, strict=True))
    m.train_step(x, y, 0.1)
    new = [s["bn1.running_mean"] for s in m.state_dict()]
    assert not any(torch.equal(mean, old) for mean, old in zip(new, statistics, strict=True))
    assert new[0].shape == (2,) and not torch.equal(*new)


def test_the_magnitude_of_the_gradient_is_zero_before_the_first_mini_batch() -> None:
    assert native(0, 1).gradient_magnitude() == [0, 0]


@pytest.mark.cuda
@algorithms
def test_the_same_devices_and_initial_weights_on_cuda(algorithm: str) -> None:
    hardware: dict[str, Any] = {"device": {"kind": "soft-bounds"}, "periphery": {}, "update": {}, "mapping": SPLIT}
    of = spec({"kind": algorithm}, "resnet", backend="native", **hardware)
    here, there = trainable(of, 0, 1, device=CPU), trainable(of, 0, 1, device=torch.device("cuda"))
    for ours, theirs in zip(here.weights(), there.weights(), strict=True):
        assert all(torch.equal(weight, theirs[name]) for name, weight in ours.items())
    losses = train(there, [(x.cuda(), y.cuda()) for x, y in batches(4, 2)])
    again = trainable(of, 0, 1, device=torch.device("cuda"))
    assert torch.equal(losses, train(again, [(x.cuda(), y.cuda()) for x, y in batches(4, 2)]))
