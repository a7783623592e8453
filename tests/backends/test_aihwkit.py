"""AIHWKit as an engine: the spec arrives field by field, the hidden state survives, the device population is seeded."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from analogcli.backends.aihwkit import WORKING_PAIRS, AihwkitBackend, probe
from analogcli.backends.aihwkit.pairs import advice, known_to_work
from analogcli.errors import BackendError, SpecError
from analogcli.spec import RunSpec, build, merge

try:
    AihwkitBackend().check()
    reason = ""
except BackendError as exc:
    reason = str(exc)
else:
    from analogcli.backends.aihwkit.config import rpu_config
    from analogcli.backends.aihwkit.tiles import construction_seeds
    from analogcli.backends.aihwkit.trainable import AihwkitModel

needs_aihwkit = pytest.mark.skipif(bool(reason), reason=reason or "AIHWKit works")
pytestmark = pytest.mark.aihwkit

CPU = torch.device("cpu")
PERFECT = {"forward": {"perfect": True}, "backward": {"perfect": True}}
IDEAL = {"dw_min_std": 0.0, "dw_min_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0, "up_down_dtod": 0.0}


def spec(**parts: Any) -> RunSpec:
    """An analog run with AIHWKit's defaults, ``parts`` laid over it."""
    model = {"kind": "fcn", "hidden": (6,)}
    task = {"dataset": "mnist5k", "model": model, "batch_size": 4, "epochs": 1, "lr": 0.1}
    base: dict[str, Any] = {"task": task, "algorithm": {"kind": "analog-sgd"}, "device": {"kind": "soft-bounds"}}
    base |= {"periphery": {}, "update": {}, "mapping": {}, "backend": "aihwkit"}
    return build(merge(base, parts))


def small_network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.Sigmoid(), nn.Linear(6, 3), nn.LogSoftmax(dim=1))


def convolution_network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(16, 3), nn.LogSoftmax(dim=1))


def model(network: Callable[[], nn.Module] = small_network, seed: int = 0, **parts: Any) -> "AihwkitModel":
    return AihwkitModel(network(), spec(**parts), seed, CPU)


class Digits:
    """The shape of MNIST."""

    channels, height, width, n_outputs = 1, 28, 28, 10


def batch(n: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(n, 1, 3, 3, generator=generator), torch.randint(3, (n,), generator=generator)


def tile_of(trainable: "AihwkitModel", index: int = 0) -> Any:
    return list(trainable.network.analog_tiles())[index]


def populations(trainable: "AihwkitModel") -> list[Tensor]:
    return [tile.tile.get_hidden_parameters() for tile in trainable.network.analog_tiles()]


TT = {"kind": "tt-v1", "fast_lr": 0.5, "gamma": 0.2}


# --- the spec arrives -------------------------------------------------------------------------------------------------


@needs_aihwkit
def test_defaults_are_aihwkits_own() -> None:
    from aihwkit.simulator.configs import SingleRPUConfig, SoftBoundsReferenceDevice, build_config

    ours, theirs = rpu_config(spec()), SingleRPUConfig(device=SoftBoundsReferenceDevice())
    theirs.backward.bound_management = ours.backward.bound_management  # never applied to the backward read
    assert ours == theirs
    ours, theirs = rpu_config(spec(algorithm={"kind": "tt-v1"})), build_config("ttv1", SoftBoundsReferenceDevice)
    theirs.backward.bound_management = ours.backward.bound_management
    if hasattr(theirs.device, "scale_fast_lr"):
        theirs.device.scale_fast_lr = False
    assert ours == theirs


@needs_aihwkit
def test_device_fields() -> None:
    given = {"tau": 0.7, "dw_min": 0.002, "dw_min_std": 0.1, "dw_min_dtod": 0.2, "w_max_dtod": 0.15}
    given |= {"w_min_dtod": 0.25, "up_down": 0.05, "up_down_dtod": 0.02}
    device = rpu_config(spec(device={**given, "subtract_symmetry_point": True})).device
    tau = given.pop("tau")
    assert {name: getattr(device, name) for name in given} == given
    assert (device.w_max, device.w_min, device.subtract_symmetry_point) == (tau, -tau, True)


@needs_aihwkit
@pytest.mark.parametrize("gamma_res", [0.5, 1.0, 2.0])
def test_power_device_has_the_granularity_of_the_papers(gamma_res: float) -> None:
    """The spec's dw_min is the step at the symmetric point; AIHWKit's is 2^γ_res times that."""
    device = {"kind": "power", "gamma_res": gamma_res, "dw_min": 0.001}
    config = rpu_config(spec(device=device)).device
    assert config.dw_min == pytest.approx(2**gamma_res * 0.001)
    assert (config.pow_gamma, config.pow_gamma_dtod, config.w_max_dtod, config.w_min_dtod) == (gamma_res, 0, 0, 0)
    extra = tile_of(model(device=device)).tile.dump_extra()
    assert extra["rpu.rpu_device.weight_granularity"] == pytest.approx([0.001])


@needs_aihwkit
def test_periphery_update_and_mapping_fields() -> None:
    forward: dict[str, Any] = {"inp_bound": 2.0, "inp_steps": 0, "inp_noise": 0.01, "out_bound": 20.0, "out_steps": 254}
    forward |= {"out_noise": 0.1, "noise_management": "none", "bound_management": "none"}
    update = {"desired_bl": 5, "update_management": False, "update_bl_management": False}
    mapping: dict[str, Any] = {"max_input_size": 7, "max_output_size": 0, "learn_out_scaling": True}
    mapping |= {"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True}
    periphery = {"forward": forward, "backward": {"perfect": True}}
    config = rpu_config(spec(periphery=periphery, update=update, mapping=mapping))
    io = config.forward
    assert (io.inp_bound, io.inp_res, io.inp_noise, io.out_bound, io.out_noise) == (2.0, 0.0, 0.01, 20.0, 0.1)
    assert io.out_res == pytest.approx(1 / 254)
    assert (io.noise_management.value, io.bound_management.value, io.is_perfect) == ("None", "None", False)
    assert config.backward.is_perfect
    assert {name: getattr(config.update, name) for name in update} == update
    assert {name: getattr(config.mapping, name) for name in mapping} == mapping
    assert config.mapping.digital_bias


@needs_aihwkit
def test_tiki_taka_fields() -> None:
    given = {"gamma": 0.1, "fast_lr": 0.01, "transfer_lr": 0.5, "scale_transfer_lr": False, "transfer_every": 2.0}
    given |= {"units_in_mbatch": False, "n_reads_per_transfer": 3}
    read = {"out_noise": 0.02, "noise_management": "none", "bound_management": "none"}
    algorithm = {"kind": "tt-v1", **given, "transfer_read": read, "transfer_update": {"desired_bl": 7}}
    config = rpu_config(spec(algorithm=algorithm)).device
    assert {name: getattr(config, name) for name in given} == given
    assert (config.transfer_forward.out_noise, config.transfer_update.desired_bl) == (0.02, 7)
    assert len(config.unit_cell_devices) == 2


@needs_aihwkit
@pytest.mark.parametrize("fast_lr", [0.01, 0.0])
def test_fast_lr_is_absolute_and_zero_means_the_optimizers(fast_lr: float) -> None:
    """After one update with x = d = 1 the fast array is at -rate, on every AIHWKit version."""
    algorithm = {"kind": "tt-v1", "fast_lr": fast_lr, "transfer_every": 1000.0}
    device = {**IDEAL, "dw_min": (fast_lr or 0.1) / 20, "tau": 10.0}
    tile = tile_of(model(algorithm=algorithm, device=device, periphery=PERFECT))
    tile.set_learning_rate(0.1)
    tile.update(torch.ones(1, 9), torch.ones(1, 6))
    fast = tile.get_hidden_parameters()["hidden_weights_0"]
    assert fast.mean().item() == pytest.approx(-(fast_lr or 0.1), rel=0.1)


@needs_aihwkit
def test_record_of_a_run_is_json_with_versions_and_seeds() -> None:
    record = json.loads(json.dumps(AihwkitBackend().resolved_config(spec(algorithm=TT))))
    assert record["rpu_config"]["device"]["unit_cell_devices"][1]["class"] == "SoftBoundsReferenceDevice"
    assert record["rpu_config"]["device"].get("scale_fast_lr", False) is False
    assert "model's seed" in record["rpu_config"]["device"]["construction_seed"]
    assert record["torch"] == torch.__version__
    fixed = AihwkitBackend().resolved_config(spec(device={"construction_seed": 10}))
    assert fixed["rpu_config"]["device"]["construction_seed"] == 10


# --- weights and device population ------------------------------------------------------------------------------------


@needs_aihwkit
@pytest.mark.parametrize("kind", ["fcn", "lenet5"])
def test_a_model_starts_from_the_weights_of_its_seed(kind: str) -> None:
    """They are those of the digital engine, clipped to the bounds of the devices."""
    from analogcli.nn.models import build_model

    analog = spec(task={"model": {"kind": kind}}, device={"tau": 2.0, **IDEAL})
    plain = build_model(analog.task.model, Digits(), seed=3)
    trainable = AihwkitBackend().build(analog, Digits(), [3], CPU)
    expected = {n.removesuffix(".weight"): p.detach() for n, p in plain.named_parameters() if p.ndim > 1}
    (weights,) = trainable.weights()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weight, expected[name]) for name, weight in weights.items())
    x, y = torch.rand(1, 2, 1, 28, 28), torch.tensor([[1, 2]])
    (loss,) = trainable.train_step(x, y, lr=0.1)
    assert loss.isfinite() and trainable.outputs(x[0]).shape == (1, 2, 10)


@needs_aihwkit
@pytest.mark.parametrize("network", [small_network, convolution_network])
@pytest.mark.parametrize("mapping", [{}, {"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True}])
def test_initial_weights_are_the_networks(network: Callable[[], nn.Module], mapping: dict[str, Any]) -> None:
    expected = {n.removesuffix(".weight"): p.detach() for n, p in network().named_parameters() if p.ndim > 1}
    found = model(network, device={"tau": 2.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0}, mapping=mapping).weights()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor)


@needs_aihwkit
def test_layers_are_split_into_tiles_of_their_own_devices() -> None:
    split = model(mapping={"max_input_size": 5})
    assert [tuple(p.shape[1:]) for p in populations(split)] == [(6, 5), (6, 4), (3, 3), (3, 3)]
    assert not torch.equal(populations(split)[2], populations(split)[3])
    torch.testing.assert_close(split.weights()["1"], small_network().state_dict()["1.weight"])


@needs_aihwkit
@pytest.mark.parametrize("algorithm", [{"kind": "analog-sgd"}, TT])
def test_population_follows_the_seed(algorithm: dict[str, Any]) -> None:
    first, again, other = (populations(model(seed=seed, algorithm=algorithm)) for seed in (4, 4, 5))
    for a, b, c in zip(first, again, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a[:2], c[:2])


@needs_aihwkit
def test_a_given_construction_seed_holds_for_every_model_and_tile() -> None:
    parts: dict[str, Any] = {"device": {"construction_seed": 10}, "mapping": {"max_input_size": 3}}
    a, b = (populations(model(seed=seed, **parts)) for seed in (4, 5))
    assert all(torch.equal(x[:8], y[:8]) for x, y in zip(a, b, strict=True))
    assert torch.equal(a[0][:8], a[1][:8])


@needs_aihwkit
def test_construction_seeds_are_in_aihwkits_range_and_differ() -> None:
    seeds = [next(construction_seeds(seed, None)) for seed in range(200)]
    assert all(1 <= seed < 2**30 for seed in seeds)
    assert len(set(seeds)) == len(seeds)


@needs_aihwkit
def test_building_and_training_leave_the_global_generator_alone() -> None:
    network, state = small_network(), torch.get_rng_state()
    AihwkitModel(network, spec(), 0, CPU).train_step(*batch(), lr=0.1)
    assert torch.equal(state, torch.get_rng_state())


# --- training ---------------------------------------------------------------------------------------------------------


@needs_aihwkit
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


@needs_aihwkit
def test_loss_is_the_mean_nll_before_the_update() -> None:
    trainable = model(periphery=PERFECT)
    x, y = batch()
    expected = nn.functional.nll_loss(trainable.outputs(x), y)
    loss = trainable.train_step(x, y, lr=0.1)
    torch.testing.assert_close(loss, expected)
    assert not loss.requires_grad and loss.ndim == 0


@needs_aihwkit
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


# --- the hidden state -------------------------------------------------------------------------------------------------

SOON = {"scale_transfer_lr": False, "transfer_lr": 10.0}
"""A buffer that fires within a few mini-batches."""
CASES: dict[str, dict[str, Any]] = {
    "analog-sgd": {},
    "rl-v1": {"algorithm": {"kind": "rl-v1"}},
    "tt-v2": {"algorithm": {"kind": "tt-v2", "gamma": 0.3, "n_reads_per_transfer": 3}},
    "tt-v2-chopped": {"algorithm": {"kind": "tt-v2-chopped", **SOON}},
    "c-ttv2": {"algorithm": {"kind": "c-ttv2", "in_chop_prob": 0.5, "auto_scale": True, **SOON}},
    "agad": {"algorithm": {"kind": "agad", "in_chop_prob": 0.5, "auto_scale": True, **SOON}},
    "mp": {"algorithm": {"kind": "mp"}},
    "resl": {"algorithm": {"kind": "resl", "warm_start": "off", "tiles": 3}},
    "power": {"device": {"kind": "power", "gamma_res": 0.5}},
    "tt-v1 hidden": {"algorithm": {**TT, "gamma": 0.0}},
    "tt-v1 visible": {"algorithm": TT, "mapping": {"learn_out_scaling": True, "weight_scaling_omega": 0.3}},
    "split": {"algorithm": TT, "mapping": {"max_input_size": 5}},
}


@needs_aihwkit
@pytest.mark.parametrize("parts", CASES.values(), ids=CASES.keys())
def test_state_goes_round_through_plain_tensors(parts: dict[str, Any], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    parts = merge(parts, {"periphery": PERFECT})
    trained, (x, y) = model(**parts), batch()
    for _ in range(5):
        trained.train_step(x, y, lr=0.1)
    save_file(trained.state_dict(), tmp_path / "state.safetensors")
    resumed = model(seed=7, **parts)  # other devices and another past, so that nothing is right by accident
    resumed.train_step(x, y, lr=0.2)
    resumed.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert torch.equal(resumed.outputs(x), trained.outputs(x))
    before, after = trained.state_dict(), resumed.state_dict()
    assert before.keys() == after.keys()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []
    resumed.train_step(x, y, lr=0.1)


@needs_aihwkit
def test_a_resumed_transfer_goes_on_with_the_next_column() -> None:
    """One column per step moves to the slow array, in order; a resumed model does not start again at column 0."""
    parts: dict[str, Any] = {"algorithm": {**TT, "fast_lr": 1.0, "gamma": 0.0, "transfer_read": {"perfect": True}}}
    trained, (x, y) = model(**parts), batch()
    for _ in range(4):
        trained.train_step(x, y, lr=0.5)
    resumed = model(**parts)
    resumed.load_state_dict(trained.state_dict())

    slow_before = resumed.weights()["1"]
    fast = tile_of(resumed).get_hidden_parameters()["hidden_weights_0"]
    assert fast.abs().amin(0).max() > 0.0  # every column has something to transfer
    resumed.train_step(x, y, lr=0.5)
    changed = (resumed.weights()["1"] != slow_before).any(0)
    assert changed.nonzero().flatten().tolist() == [4]


@needs_aihwkit
def test_a_state_of_another_model_is_refused() -> None:
    with pytest.raises(BackendError, match=r"does not fit this model.*resume with the AIHWKit version that wrote it"):
        model().load_state_dict(model(algorithm=TT).state_dict())


# --- refusals and the probe -------------------------------------------------------------------------------------------


@needs_aihwkit
def test_managed_transfer_read_is_refused() -> None:
    managed = {**TT, "transfer_read": {"noise_management": "abs-max"}}
    with pytest.raises(SpecError, match=r"transfer_read\.noise_management = 'abs-max' is not allowed"):
        spec(algorithm=managed)


@needs_aihwkit
def test_without_a_cuda_wheel_the_cpu_is_taken_with_a_reason() -> None:
    from analogcli.backends.aihwkit.tiles import compiled_with_cuda

    if compiled_with_cuda():
        pytest.skip("this AIHWKit is compiled with CUDA")
    assert AihwkitBackend().reason_against(torch.device("cpu")) is None
    assert "compiled without CUDA" in str(AihwkitBackend().reason_against(torch.device("cuda", 0)))


@needs_aihwkit
def test_probe_passes_here() -> None:
    result = probe()
    assert (result.ok, result.problem, result.advice) == (True, "", "")
    assert result.torch_version == torch.__version__


def test_probe_reports_that_aihwkit_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aihwkit", None)  # Python's own way to say that a package is not there
    result = probe()
    assert (result.ok, result.aihwkit_version, result.problem) == (False, None, "AIHWKit is not installed")
    assert result.advice.startswith("pip install")


FAKES = {
    "raises": ("raise RuntimeError('tensor does not have a device')", "tensor does not have a device"),
    "crashes": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed with SIGSEGV"),
    "hangs": ("import time; time.sleep(60)", "no answer within 1 s"),
    "wrong": ("", "does not hold the weights that were written"),
}
WRONG_TILE = """
import torch
class AnalogTile:
    def __init__(self, *args, **kwargs): pass
    def set_weights(self, weight): pass
    def get_weights(self): return torch.zeros(4, 5), None
"""


def fake_aihwkit(folder: Path, program: str) -> None:
    for package in ("aihwkit", "aihwkit/simulator", "aihwkit/simulator/tiles"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text("")
    (folder / "aihwkit/__init__.py").write_text(program)
    configs = "from types import SimpleNamespace\nclass ConstantStepDevice:\n    def __init__(self, **kwargs): pass\n"
    configs += "def SingleRPUConfig(device): return SimpleNamespace(forward=SimpleNamespace())\n"
    (folder / "aihwkit/simulator/configs.py").write_text(configs)
    (folder / "aihwkit/simulator/tiles/analog.py").write_text(WRONG_TILE)


@pytest.mark.parametrize("kind", FAKES)
def test_probe_reports_a_broken_aihwkit(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, problem = FAKES[kind]
    fake_aihwkit(tmp_path, program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    result = probe(timeout=1.0 if kind == "hangs" else 60.0)
    assert not result.ok
    assert problem in result.problem
    assert "pip install" in result.advice and "aihwkit==" in result.advice


def test_check_is_one_sentence_where_aihwkit_is_broken(tmp_path: Path) -> None:
    """The backend's module imports there, and only its use is refused."""
    fake_aihwkit(tmp_path, "raise ImportError('undefined symbol: _ZN3c10')")
    program = "from analogcli.backends.aihwkit import AihwkitBackend\nfrom analogcli.errors import BackendError\n"
    program += "try: AihwkitBackend().check()\nexcept BackendError as exc: print(exc)\n"
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("backend aihwkit does not work here (aihwkit ")
    assert "undefined symbol: _ZN3c10; pip install" in done.stdout and "native work without it" in done.stdout


def test_table_of_pairs() -> None:
    assert known_to_work("1.1.0", "2.12.1+cpu") and known_to_work("1.2.0", "2.14.0")
    assert not known_to_work("1.1.0", "2.13.0") and not known_to_work("1.2.0", "2.12.0")
    assert not known_to_work(None, "2.12.0")
    assert 'aihwkit==1.1.0" "torch>=2.10,<2.13"' in advice("2.12.0", python=(3, 12))
    assert 'aihwkit==1.2.0" "torch>=2.13,<2.16"' in advice("2.14.0", python=(3, 12))
    assert WORKING_PAIRS[0].aihwkit in advice("2.14.0", python=(3, 11))
    assert advice("2.14.0", python=(3, 15)).startswith("take a Python that AIHWKit has wheels for")


# --- hardware-aware training ------------------------------------------------------------------------------------------


HWA: dict[str, Any] = {
    "algorithm": {
        "kind": "hwa",
        "modifier": {"std_dev": 0.1, "pdrop": 0.03},
        "clip": {"fixed_value": 1.0},
        "inference": {"g_max": 20.0, "t_0": 10.0, "read_noise_scale": 0.5, "drift_compensation": "none"},
    },
    "device": {"kind": "ideal"},
    "periphery": {"forward": {"out_steps": 0, "w_noise": 0.02}, "backward": {"perfect": True}},
}


@needs_aihwkit
def test_hardware_aware_fields_are_those_of_the_example() -> None:
    """The settings of AIHWKit's example 5, but for the noise model, whose every field differs from its default."""
    config = rpu_config(spec(**HWA))
    assert type(config).__name__ == "InferenceRPUConfig"
    assert (config.forward.out_res, config.forward.w_noise, config.forward.w_noise_type.value) == (
        0.0, 0.02, "AdditiveConstant",
    )  # fmt: skip
    assert (config.modifier.type.value, config.modifier.std_dev, config.modifier.pdrop) == ("AddNormal", 0.1, 0.03)
    assert config.modifier.rel_to_actual_wmax
    assert (config.clip.type.value, config.clip.fixed_value) == ("FixedValue", 1.0)
    model = config.noise_model
    assert (model.g_max, model.t_0, model.read_noise_scale, model.drift_scale) == (20.0, 10.0, 0.5, 1.0)
    assert config.drift_compensation is None
    assert config.backward.is_perfect
    recorded = AihwkitBackend().resolved_config(spec(**HWA))["rpu_config"]
    assert json.loads(json.dumps(recorded))["noise_model"]["g_converter"]["g_max"] == 20.0


@needs_aihwkit
def test_hardware_aware_training_goes_on_from_its_checkpoint_with_the_noise_of_the_next_mini_batch() -> None:
    perfect = {**HWA, "periphery": PERFECT}
    trained, again = model(**perfect), model(**perfect)
    x, y = batch()
    for _ in range(3):
        trained.train_step(x, y, 0.1)
    again.load_state_dict(trained.state_dict())
    # After that mini-batch AIHWKit's noise has no seed.
    assert torch.equal(trained.train_step(x, y, 0.1), again.train_step(x, y, 0.1))
    for name, weights in trained.weights().items():
        assert torch.equal(weights, again.weights()[name])
    assert trained.gradient_magnitude() == again.gradient_magnitude() > 0
