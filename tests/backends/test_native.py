"""The native engine: seeded to the last bit, continued to the last bit, and floating-point SGD in the ideal limit."""

from typing import Any

import pytest
import torch
from torch import Tensor

from analogcli.backends import get
from analogcli.backends.digital import DigitalModel
from analogcli.backends.native import STEPS, NativeModel
from analogcli.crossbar import LAWS
from analogcli.nn import AnalogLayer
from analogcli.spec import build
from analogcli.spec.support import ALGORITHMS, DEVICES, FIDELITIES

CPU = torch.device("cpu")
PERFECT = {"forward": {"perfect": True}, "backward": {"perfect": True}}
IDEAL = {"dw_min_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0}
kinds = pytest.mark.parametrize("kind", LAWS)


class Shape:
    channels, height, width, n_classes = 1, 16, 16, 4


def data(n: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    g = torch.Generator().manual_seed(seed)
    return [(torch.randn(6, 1, 16, 16, generator=g), torch.randint(0, 4, (6,), generator=g)) for _ in range(n)]


def model(kind: str = "soft-bounds", seed: int = 0, network: str = "fcn", **parts: Any) -> NativeModel:
    task: dict[str, Any] = {"dataset": "mnist5k", "model": {"kind": network}, "batch_size": 6, "epochs": 1, "lr": 0.1}
    analog: dict[str, Any] = {"device": {}, "periphery": {}, "update": {}, "mapping": {}} | parts
    analog["device"] = {"kind": kind, **analog["device"]}
    spec = build({"task": task, "algorithm": {"kind": "analog-sgd"}, "backend": "native", **analog})
    built = get("native").build(spec, Shape(), seed, CPU)
    assert isinstance(built, NativeModel)
    return built


def test_what_the_spec_allows_is_there() -> None:
    assert set(STEPS) == set(ALGORITHMS["native"])
    assert set(LAWS) == set(DEVICES["native"])


@kinds
@pytest.mark.parametrize("network", ["fcn", "lenet5"])
@pytest.mark.parametrize("fidelity", FIDELITIES["native"])
def test_a_run_repeats_and_continues_bit_for_bit(kind: str, network: str, fidelity: str) -> None:
    parts: dict[str, Any] = {"network": network, "mapping": {"learn_out_scaling": True, "max_input_size": 200}}
    parts["update"] = {"fidelity": fidelity}
    whole, again, resumed = (model(kind, **parts) for _ in range(3))
    losses = [whole.train_step(x, y, 0.1) for x, y in data(6)]
    first = [again.train_step(x, y, 0.1) for x, y in data(6)[:3]]
    resumed.train_step(*data(1, seed=1)[0], 0.1)
    resumed.load_state_dict(again.state_dict())
    rest = [resumed.train_step(x, y, 0.1) for x, y in data(6)[3:]]
    assert losses == first + rest
    assert all(torch.equal(v, whole.state_dict()[k]) for k, v in resumed.state_dict().items())


def test_the_read_noise_of_an_evaluation_is_part_of_the_state() -> None:
    a, b = model(), model()
    x, y = data(1)[0]
    a.log_probs(x)
    assert a.train_step(x, y, 0.1) != b.train_step(x, y, 0.1)
    a.log_probs(x)
    b.load_state_dict(a.state_dict())
    assert a.train_step(x, y, 0.1) == b.train_step(x, y, 0.1)


def test_state_is_flat_and_a_snapshot() -> None:
    m = model()
    x, y = data(1)[0]
    m.train_step(x, y, 0.1)
    state = m.state_dict()
    kept = {k: v.clone() for k, v in state.items()}
    m.train_step(x, y, 0.1)
    assert all(torch.equal(v, kept[k]) for k, v in state.items())
    m.load_state_dict(state)
    m.train_step(x, y, 0.1)
    assert all(torch.equal(v, kept[k]) for k, v in state.items())


def test_seeds_differ_in_weights_devices_and_noise() -> None:
    a, b = model(seed=1), model(seed=2)
    assert not torch.equal(a.weights()["linear1"], b.weights()["linear1"])
    assert not torch.equal(_first_tile(a).law.upper_OI, _first_tile(b).law.upper_OI)
    assert not torch.equal(a.noise.get_state(), b.noise.get_state())


def _first_tile(m: NativeModel) -> Any:
    layer = m.network.linear1
    assert isinstance(layer, AnalogLayer)
    return layer.array.placed[0].tile


@kinds
@pytest.mark.parametrize("network", ["fcn", "lenet5"])
def test_perfect_hardware_is_floating_point_sgd(kind: str, network: str) -> None:
    """τ → ∞ makes every response 1 (γ_res does not matter), and then the mean of analog SGD is SGD."""
    mean = {"fidelity": "mean-field"}
    analog = model(kind, device={"tau": 1e5, **IDEAL}, periphery=PERFECT, update=mean, network=network)
    task: dict[str, Any] = {"dataset": "mnist5k", "model": {"kind": network}, "batch_size": 6, "epochs": 1, "lr": 0.1}
    spec = build({"task": task, "algorithm": {"kind": "fp-sgd"}})
    digital = get("digital").build(spec, Shape(), 0, CPU)
    assert isinstance(digital, DigitalModel)
    for x, y in data(5):
        torch.testing.assert_close(analog.train_step(x, y, 0.1), digital.train_step(x, y, 0.1), atol=1e-4, rtol=1e-4)
    assert analog.gradient_magnitude() == pytest.approx(digital.gradient_magnitude(), rel=1e-3)
    for name, weight in analog.weights().items():
        torch.testing.assert_close(weight, digital.weights()[name], atol=1e-4, rtol=1e-3)


@kinds
def test_it_learns(kind: str) -> None:
    m = model(kind, network="lenet5")
    x, y = data(1)[0]
    losses = [float(m.train_step(x, y, 0.1)) for _ in range(40)]
    assert sum(losses[-5:]) < 0.75 * sum(losses[:5])


def test_weights_never_leave_the_range_of_the_devices() -> None:
    m = model(device={"tau": 0.05, "w_max_dtod": 0, "w_min_dtod": 0})
    for x, y in data(5):
        m.train_step(x, y, 1.0)
    assert max(float(w.abs().max()) for w in m.weights().values()) <= 0.05 + 1e-8


def test_read_noise_stays_on_in_inference_and_leaves_no_graph() -> None:
    m = model()
    x = data(1)[0][0]
    a, b = m.log_probs(x), m.log_probs(x)
    assert not torch.equal(a, b)
    assert not a.requires_grad
    torch.testing.assert_close(a.exp().sum(1), torch.ones(6))


def test_the_magnitude_of_the_gradient_is_zero_before_the_first_mini_batch() -> None:
    assert model().gradient_magnitude() == 0


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_same_devices_and_initial_weights_on_cuda() -> None:
    spec = build({
        "task": {"dataset": "mnist5k", "model": {"kind": "lenet5"}, "batch_size": 6, "epochs": 1, "lr": 0.1},
        "algorithm": {"kind": "analog-sgd"}, "backend": "native",
        "device": {"kind": "soft-bounds"}, "periphery": {}, "update": {}, "mapping": {},
    })  # fmt: skip
    here = get("native").build(spec, Shape(), 0, CPU)
    there = get("native").build(spec, Shape(), 0, torch.device("cuda"))
    for name, weight in there.weights().items():
        assert torch.equal(weight, here.weights()[name])
    x, y = data(1)[0]
    losses = [float(there.train_step(x.cuda(), y.cuda(), 0.2)) for _ in range(30)]
    assert losses[-1] < losses[0]
