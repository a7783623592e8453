"""AIHWKit's configuration: the spec arrives field by field, and the record of a run says what became of it."""

import json
from dataclasses import fields
from typing import Any

import pytest
import torch
from aihwkit_kit import IDEAL, PERFECT, TT, model, needs_aihwkit, reason, spec, tile_of

from analogcli.backends.aihwkit import AihwkitBackend
from analogcli.spec.support import ALGORITHMS

if not reason:
    from aihwkit.simulator.configs import MixedPrecisionCompound

    from analogcli.backends.aihwkit.compounds import CASCADE, OURS, TRANSFERS
    from analogcli.backends.aihwkit.config import rpu_config

pytestmark = [pytest.mark.aihwkit, needs_aihwkit]


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


def test_device_fields() -> None:
    given = {"tau": 0.7, "dw_min": 0.002, "dw_min_std": 0.1, "dw_min_dtod": 0.2, "w_max_dtod": 0.15}
    given |= {"w_min_dtod": 0.25, "up_down": 0.05, "up_down_dtod": 0.02}
    device = rpu_config(spec(device={**given, "subtract_symmetry_point": True})).device
    tau = given.pop("tau")
    assert {name: getattr(device, name) for name in given} == given
    assert (device.w_max, device.w_min, device.subtract_symmetry_point) == (tau, -tau, True)


@pytest.mark.parametrize("gamma_res", [0.5, 1.0, 2.0])
def test_power_device_has_the_granularity_of_the_papers(gamma_res: float) -> None:
    """The spec's dw_min is the step at the symmetric point; AIHWKit's is 2^γ_res times that."""
    device = {"kind": "power", "gamma_res": gamma_res, "dw_min": 0.001}
    config = rpu_config(spec(device=device)).device
    assert config.dw_min == pytest.approx(2**gamma_res * 0.001)
    assert (config.pow_gamma, config.pow_gamma_dtod, config.w_max_dtod, config.w_min_dtod) == (gamma_res, 0, 0, 0)
    extra = tile_of(model(device=device)).tile.dump_extra()
    assert extra["rpu.rpu_device.weight_granularity"] == pytest.approx([0.001])


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


def test_tiki_taka_fields() -> None:
    given = {"gamma": 0.1, "fast_lr": 0.01, "transfer_lr": 0.5, "scale_transfer_lr": False, "transfer_every": 2.0}
    given |= {"units_in_mbatch": False, "n_reads_per_transfer": 3}
    read = {"out_noise": 0.02, "noise_management": "none", "bound_management": "none"}
    algorithm = {"kind": "tt-v1", **given, "transfer_read": read, "transfer_update": {"desired_bl": 7}}
    config = rpu_config(spec(algorithm=algorithm)).device
    assert {name: getattr(config, name) for name in given} == given
    assert (config.transfer_forward.out_noise, config.transfer_update.desired_bl) == (0.02, 7)
    assert len(config.unit_cell_devices) == 2


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


def test_record_of_a_run_is_json_with_versions_and_seeds() -> None:
    record = json.loads(json.dumps(AihwkitBackend().resolved_config(spec(algorithm=TT))))
    assert record["rpu_config"]["device"]["unit_cell_devices"][1]["class"] == "SoftBoundsReferenceDevice"
    assert record["rpu_config"]["device"].get("scale_fast_lr", False) is False
    assert "model's seed" in record["rpu_config"]["device"]["construction_seed"]
    assert record["torch"] == torch.__version__
    fixed = AihwkitBackend().resolved_config(spec(device={"construction_seed": 10}))
    assert fixed["rpu_config"]["device"]["construction_seed"] == 10


DIFFERENT = {"kind": "constant-step", "w_max": 0.3, "w_min": -0.6, "dw_min": 0.003}


@pytest.mark.parametrize(
    "kind", [kind for kind in ALGORITHMS["aihwkit"] if kind not in ("analog-sgd", "vector", "hwa")]
)
def test_every_field_but_our_own_has_the_same_name_there(kind: str) -> None:
    """A field that is not passed on is one that AIHWKit writes otherwise, or one of the cascade's."""
    algorithm = spec(algorithm={"kind": kind, **({"warm_start": "off"} if kind == "resl" else {})}).algorithm
    compound = MixedPrecisionCompound if kind == "mp" else TRANSFERS[type(algorithm)]
    passed = CASCADE if kind == "resl" else set(type(algorithm).model_fields) - OURS
    assert passed <= {field.name for field in fields(compound)}
    assert not (OURS - {"kind"}) & {field.name for field in fields(compound)} - {"transfer_update"}


@pytest.mark.parametrize(
    "kind", [kind for kind in ALGORITHMS["aihwkit"] if kind not in ("analog-sgd", "vector", "mp", "hwa")]
)
def test_the_fast_rate_is_never_scaled_by_the_optimizers(kind: str) -> None:
    warm = {"warm_start": "off"} if kind == "resl" else {}
    compound = rpu_config(spec(algorithm={"kind": kind, "fast_lr": 0.3, **warm})).device
    assert (compound.fast_lr, getattr(compound, "scale_fast_lr", False)) == (0.3, False)


def test_multi_tile_fields() -> None:
    given = {"tiles": 3, "gamma": 0.5, "transfer_every": 2, "transfer_every_ratio": 5, "warm_start": "off"}
    compound = rpu_config(spec(algorithm={"kind": "resl", **given, "transfer_lr": 0.1, "transfer_lr_ratio": 2})).device
    assert len(compound.unit_cell_devices) == 3
    assert compound.gamma_vec == [0.25, 0.5, 1.0]
    assert compound.transfer_every_vec == [2.0, 10.0, 0.0]
    assert compound.transfer_lr_vec == pytest.approx([0.4, 0.2, 1.0])


def test_arrays_of_different_devices() -> None:
    config = rpu_config(spec(algorithm={"kind": "vector", "further_devices": [DIFFERENT], "gamma_vec": [1, -1]}))
    first, second = config.device.unit_cell_devices
    assert (type(first).__name__, type(second).__name__) == ("SoftBoundsReferenceDevice", "ConstantStepDevice")
    assert (second.w_max, second.w_min) == pytest.approx((0.3, -0.6))
    assert config.device.gamma_vec == [1.0, -1.0]


def test_the_fast_array_gets_the_rate_of_the_spec_whatever_its_granularity() -> None:
    """AIHWKit would make its pulses for the mean granularity 0.002, and the fast array would go 1.5 times as far."""
    compound = rpu_config(spec(algorithm={"kind": "tt-v1", "fast_lr": 0.3, "fast_device": DIFFERENT})).device
    assert [device.dw_min for device in compound.unit_cell_devices] == [0.003, 0.001]
    assert compound.fast_lr == pytest.approx(0.3 * 0.002 / 0.003)


BUFFERED = {"kind": "tt-v2", "units_in_mbatch": False}


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"algorithm": BUFFERED}, []),
        ({"algorithm": BUFFERED, "task": {"model": {"kind": "lenet5"}}}, ["transfer_every counts every image patch"]),
        ({"device": {"write_noise_std": 2.0}}, []),
        ({"algorithm": TT, "device": {"write_noise_std": 2.0}}, ["the run cannot be resumed"]),
    ],
)
def test_what_a_user_may_not_expect_is_noted(parts: dict[str, Any], says: list[str]) -> None:
    notes = AihwkitBackend().notes(spec(**parts))
    assert len(notes) == len(says)
    assert all(text in note for text, note in zip(says, notes, strict=True))


@pytest.mark.parametrize("kind", ALGORITHMS["aihwkit"])
def test_every_record_is_json_with_the_whole_configuration(kind: str) -> None:
    own: dict[str, Any] = {"resl": {"warm_start": "off"}}.get(kind, {})
    device = {"kind": "ideal"} if kind == "hwa" else {}
    record = AihwkitBackend().resolved_config(spec(algorithm={"kind": kind, **own}, device=device))["rpu_config"]
    assert json.loads(json.dumps(record)) == record
    assert {"class", "forward", "backward", "mapping"} <= set(record)
