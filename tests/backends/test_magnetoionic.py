"""The engine: the authors' network, noise where they have it, models together as alone, stops that change nothing.

Axes: R replica, B batch, I in, O out.
"""

from typing import Any

import pytest
import torch
from backend_kit import CPU, Shape, batches, equal, train
from torch import Tensor, nn

from analogcli.backends.magnetoionic import MagnetoionicBackend, MagnetoionicModels
from analogcli.magnetoionic import PairNetwork, law_of
from analogcli.magnetoionic.network import border
from analogcli.spec import BatchNormFcnModel, DoubleDevice, RunSpec, build, merge

MODEL = {"kind": "fcn-batchnorm", "hidden": [12, 8], "border": 2}
NOISY = {"var": 0.2, "resistor_noise": 0.015, "clipping": 0.001}
LAWS = pytest.mark.parametrize("law", ["linear", "exponential"])
LR = 500.0


def spec(**algorithm: Any) -> RunSpec:
    task = {"dataset": "mnist5k", "model": MODEL, "batch_size": 6, "epochs": 1, "lr": LR, "shuffle": False}
    return build({"task": task, "algorithm": {"kind": "double-device", **algorithm}})


def models(*seeds: int, **algorithm: Any) -> MagnetoionicModels:
    return MagnetoionicBackend().build(spec(**algorithm), Shape(), seeds or (0,), CPU)


def trained(of: MagnetoionicModels, on: list[tuple[Tensor, Tensor]]) -> Tensor:
    return torch.stack([of.train_step(x, y, LR) for x, y in on])


@LAWS
def test_forward_and_backward_are_what_autograd_makes_of_the_network(law: str) -> None:
    ours = models(law=law, var=0.0)
    ((x, y),) = batches(1)
    theirs = nn.Sequential(nn.Flatten())
    for n_in, n_out in ((256, 12), (12, 8), (8, 4)):
        linear = nn.Linear(n_in, n_out, bias=False)
        linear.weight.data.copy_(ours.network.layers[(len(theirs) - 1) // 3].w_ROI[0])
        theirs.extend([linear, nn.BatchNorm1d(n_out, affine=False, momentum=0.15), nn.ReLU()])
    scaled = x[0].flatten(1)
    for module in list(theirs)[1:-1]:
        scaled = module(scaled * 0.001 if isinstance(module, nn.Linear) else scaled)
    loss = nn.functional.cross_entropy(scaled, y[0])
    loss.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(ours.train_step(x, y, LR)[0], loss.detach())
    linears = [module for module in theirs if isinstance(module, nn.Linear)]
    norms = [module for module in theirs if isinstance(module, nn.BatchNorm1d)]
    total = 0.0
    for layer, linear, norm in zip(ours.network.layers, linears, norms, strict=True):
        assert linear.weight.grad is not None and norm.running_mean is not None and norm.running_var is not None
        torch.testing.assert_close(0.001 * layer.g_ROI[0], linear.weight.grad, rtol=1e-3, atol=1e-9)
        torch.testing.assert_close(layer.mean_RO[0], norm.running_mean)
        torch.testing.assert_close(layer.var_RO[0], norm.running_var)
        total += float(linear.weight.grad.abs().sum())
    entries = 12 * 20 * 20 + 12 * 8 + 8 * 4  # with the border: 20×20 inputs
    assert ours.gradient_magnitude() == [pytest.approx(total / entries, rel=1e-4)]
    theirs.eval()
    scaled = x[0].flatten(1)
    for module in list(theirs)[1:-1]:
        scaled = module(scaled * 0.001 if isinstance(module, nn.Linear) else scaled)


@LAWS
@pytest.mark.parametrize("noise", [{"var": 0.0}, NOISY, NOISY | {"var_drawn": "every-step", "read_noise": True}])
def test_a_model_among_three_is_the_model_alone_bit_for_bit(law: str, noise: dict[str, Any]) -> None:
    on = batches(5, 1)
    together = models(3, 4, 5, law=law, **noise)
    losses = trained(together, [(x.expand(3, -1, -1, -1, -1), y.expand(3, -1)) for x, y in on])
    for r, seed in enumerate((3, 4, 5)):
        alone = models(seed, law=law, **noise)
        assert torch.equal(trained(alone, on)[:, 0], losses[:, r])
        for name, tensor in alone.state_dict()[0].items():
            if name != "noise/generator":
                assert torch.equal(tensor, together.state_dict()[r][name])


def test_runs_of_both_laws_train_as_one() -> None:
    rates = (500.0, 1000.0, 3000.0)
    kinds: list[dict[str, object]] = [{"law": "linear", "clipping": 0.1}, {"law": "exponential"}, {"law": "linear"}]
    runs = [build(merge(spec(**k).model_dump(), {"task": {"lr": lr}})) for k, lr in zip(kinds, rates, strict=True)]
    together = MagnetoionicBackend().build_several(runs, Shape(), (3, 3, 4), CPU)
    for x, y in batches(4, 1):
        together.train_step(x.expand(3, -1, -1, -1, -1), y.expand(3, -1), rates[0])
    for r, (run, seed) in enumerate(zip(runs, (3, 3, 4), strict=True)):
        alone = MagnetoionicBackend().build(run, Shape(), (seed,), CPU)
        for x, y in batches(4, 1):
            alone.train_step(x, y, rates[r])
        for name, tensor in alone.weights()[0].items():
            assert torch.equal(tensor, together.weights()[r][name])


@LAWS
def test_a_run_repeats_and_continues_bit_for_bit(law: str) -> None:
    whole, again = (models(3, 4, law=law, **NOISY) for _ in range(2))
    losses = trained(whole, batches(6, 2))
    first = trained(again, batches(6, 2)[:3])
    resumed = models(3, 4, law=law, **NOISY)
    resumed.load_state_dict(again.state_dict())
    assert torch.equal(losses, torch.cat([first, trained(resumed, batches(6, 2)[3:])]))
    assert equal(resumed.state_dict(), whole.state_dict())


def test_the_first_voltages_are_as_small_as_the_authors() -> None:
    # On MNIST, 1024-512-10; far below √eps of the normalisation, which is a constant gain at first.
    from analogcli import data

    digits = data.load("mnist5k", None, CPU)
    made = build(spec().model_dump() | {"task": spec().task.model_dump() | {"model": {"kind": "fcn-batchnorm"}}})
    network = MagnetoionicBackend().build(made, digits, (100,), CPU).network
    x = data.train_batch(digits, torch.arange(0, 4000, 8)[None])[0].flatten(2)
    voltages = network.layers[0].forward(x)
    assert float(voltages.std()) == pytest.approx(5e-5, rel=0.3)
    assert float(voltages.var()) < 1e-5 / 1000


def test_voltages_are_read_with_noise_and_errors_with_that_of_the_devices() -> None:
    quiet, noisy = models(1, var=0.0).network.layers[1], models(1, var=0.0, resistor_noise=0.015).network.layers[1]
    h = torch.rand(1, 400, 12)
    assert float((noisy.forward(h) - quiet.forward(h)).std()) == pytest.approx(1.5e-6, rel=0.1)
    d = torch.randn(1, 400, 8)
    ours, exact = (layer.backward(d, h, further=True) for layer in (noisy, quiet))
    assert ours is not None and exact is not None
    assert torch.equal(noisy.g_ROI, quiet.g_ROI)
    expected = 0.001 * 2**0.5 * 0.015 * 8**0.5
    assert float((ours - exact).std()) == pytest.approx(expected, rel=0.35)


def test_variability_of_every_step_differs_from_step_to_step() -> None:
    once, every = (models(1, var=0.5, var_drawn=drawn).network.layers[0] for drawn in ("once", "every-step"))
    for layer, same in ((once, True), (every, False)):
        layer.g_ROI.fill_(1e-3)
        fallen = []
        for _ in range(2):
            before = layer.w2_ROI.clone()
            layer.learn(torch.full((1,), 1e6))
            fallen.append(before - layer.w2_ROI)
        torch.testing.assert_close(fallen[0].std(), torch.tensor(0.021 * 0.5), rtol=0.1, atol=0)
        assert bool((fallen[0] - fallen[1]).abs().max() < 1e-5) == same


@LAWS
def test_without_the_field_every_device_keeps_its_pulses(law: str) -> None:
    network = models(1, 2, law=law, **NOISY).network
    for x, y in batches(20, 2):
        network.train_step(x.flatten(2), y, torch.full((2,), 1e5))
    other = network.swapped()
    assert isinstance(other, PairNetwork)
    for mine, theirs in zip(network.layers, other.layers, strict=True):
        for before, after in ((mine.w1_ROI, theirs.w1_ROI), (mine.w2_ROI, theirs.w2_ROI)):
            x_before, x_after = network.laws[0].f_inv(before.double()), other.laws[0].f_inv(after.double())
            torch.testing.assert_close(x_before, x_after, rtol=0, atol=1e-3)
        assert theirs.gain_R11 is not None
        ratio = 0.567 / 1.4343 if law == "linear" else 1.4343 / 0.567
        assert theirs.gain_R11.flatten().tolist() == pytest.approx([ratio] * 2, rel=1e-3)


def test_a_law_of_ones_own_knows_no_field(tmp_path: Any) -> None:
    file = tmp_path / "steep.py"
    file.write_text("from analogcli.magnetoionic import LinearLaw\nclass Steep(LinearLaw):\n    slope = 0.05\n")
    own = models(1, law=f"{file}:Steep")
    train(own, batches(2))
    assert own.relaxed() is None


def test_the_border_has_states_of_its_own_and_the_inputs_do_not_depend_on_it() -> None:
    narrow = BatchNormFcnModel(hidden=(12, 8), border=0)
    device = DoubleDevice()
    plain = PairNetwork(narrow, [device], [256, 12, 8, 4], 0, (5,), CPU)
    assert torch.equal(plain.layers[0].w2_ROI, models(5).network.layers[0].w2_ROI)
    w1, w2 = border(law_of(device), device.init, (12, 144), 5)
    assert w1.shape == w2.shape == (12, 144)
    assert float((w2 - w1).abs().max()) <= 0.01 + 1e-6
