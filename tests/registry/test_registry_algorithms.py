"""The training algorithms of the protocols are set up as the papers' scripts set up AIHWKit's compounds."""

from typing import Any

import pytest

from analogcli.registry import load

REGISTRY = load()

CHOPPED = {
    "update.desired_bl": 5,
    "mapping.weight_scaling_omega": 0.6,
    "algorithm.fast_lr": 0.1,
    "algorithm.auto_granularity": 1000.0,
    "algorithm.in_chop_prob": 0.1,
    "algorithm.auto_scale": True,
    "algorithm.units_in_mbatch": False,
    "algorithm.transfer_update.desired_bl": 1,
}
TT_V2 = {
    "algorithm.kind": "tt-v2-chopped",
    "update.desired_bl": 5,
    "mapping.weight_scaling_omega": 0.3,
    "algorithm.auto_granularity": 1000.0,
    "algorithm.auto_scale": False,
    "algorithm.transfer_lr": 1.0,
    "algorithm.scale_transfer_lr": True,
    "algorithm.transfer_update.desired_bl": 1,
    "algorithm.transfer_update.update_management": False,
    "algorithm.transfer_update.update_bl_management": False,
}
C_TTV2 = CHOPPED | {"algorithm.kind": "c-ttv2", "algorithm.in_chop_random": True}
C_TTV2 |= {
    "algorithm.transfer_update.update_management": False,
    "algorithm.transfer_update.update_bl_management": False,
}
AGAD = CHOPPED | {"algorithm.kind": "agad", "algorithm.tail_weightening": 10.0, "algorithm.in_chop_random": False}
AGAD |= {"algorithm.transfer_update.update_management": True, "algorithm.transfer_update.update_bl_management": True}
MP = {"algorithm.kind": "mp", "algorithm.transfer_every": 1, "algorithm.granularity": 0.0, "algorithm.transfer_lr": 1.0}
RL_V1 = {"algorithm.kind": "rl-v1", "algorithm.gamma": 0.4, "algorithm.fast_lr": 0.01, "algorithm.transfer_lr": 1.0}
RL_V2 = {
    "algorithm.kind": "rl-v2",
    "update.desired_bl": 5,
    "mapping.weight_scaling_omega": 0.3,
    "algorithm.gamma": 0.4,
    "algorithm.fast_lr": 1.0,
    "algorithm.scale_fast_lr": True,
    "algorithm.transfer_lr": 0.1,
    "algorithm.scale_transfer_lr": False,
    "algorithm.momentum": 0.9,
    "algorithm.auto_granularity": 100.0,
    "algorithm.units_in_mbatch": True,
    "algorithm.transfer_update.desired_bl": 1,
}

# What the scripts of arXiv 2502.06309 (response) and 2406.12774 (exact) set, as they spell the settings.
SCRIPTS: dict[tuple[str, str], dict[str, Any]] = {
    ("response", "TT-v2"): TT_V2 | {"algorithm.units_in_mbatch": True, "algorithm.fast_lr": 0.01},
    ("response", "TT-v3"): C_TTV2,
    ("response", "TT-v4"): AGAD,
    ("response", "mp"): MP,
    ("response", "RL-v1"): RL_V1,
    ("response", "RL-v2"): RL_V2,
    ("exact", "TT-v2"): TT_V2 | {"algorithm.units_in_mbatch": False, "algorithm.fast_lr": 0.5},
    ("exact", "TT-v3"): C_TTV2,
    ("exact", "TT-v4"): AGAD,
    ("exact", "mp"): MP,
}
SHARED = {"task.lr": 0.05, "backend": "native"}


@pytest.mark.parametrize("experiment", ["mnist-fcn", "mnist-cnn"])
@pytest.mark.parametrize("name", SCRIPTS, ids="/".join)
def test_an_algorithm_is_configured_as_its_script_does(experiment: str, name: tuple[str, str]) -> None:
    protocol, setting = name
    spec = REGISTRY.spec(experiment, protocol=protocol, setting=setting)
    leaves = spec.leaves()
    expected = SHARED | SCRIPTS[name]
    assert {path: leaves.get(path) for path in expected} == expected
    assert leaves["device.construction_seed"] == (123 if protocol == "exact" else None)


# Appendix K.1 of arXiv 2510.02516 for MNIST; 2 mini-batches · 5ⁿ, 0.1 · 1.2ⁿ.
MULTITILE: dict[str, dict[str, Any]] = {
    "ResL": {
        "algorithm.gamma": 0.5,
        "algorithm.transfer_every": 2.0,
        "algorithm.transfer_every_ratio": 5.0,
        "algorithm.transfer_lr": 0.1,
        "algorithm.transfer_lr_ratio": 1.2,
        "algorithm.scale_transfer_lr": False,
        "algorithm.transfer_read.perfect": True,
        "device.mult_noise": True,
    },
    "TT-v1": {"algorithm.fast_lr": 0.01, "algorithm.transfer_lr": 0.1, "algorithm.scale_transfer_lr": True},
    "TT-v2": {
        "algorithm.kind": "tt-v2",
        "algorithm.fast_lr": 0.1,
        "algorithm.transfer_lr": 1.0,
        "update.desired_bl": 10,
    },
    "mp": MP,
}


@pytest.mark.parametrize("name", MULTITILE)
def test_the_multi_tile_protocol_has_the_papers_settings_on_devices_of_ten_states(name: str) -> None:
    leaves = REGISTRY.spec("mnist-lenet5", setting=name).leaves()
    task = {
        "dataset": "mnist",
        "batch_size": 8,
        "epochs": 100,
        "schedule.every": 30,
        "schedule.factor": 0.5,
        "lr": 0.05,
    }
    assert {path: leaves[f"task.{path}"] for path in task} == task
    assert {path: leaves.get(path) for path in MULTITILE[name]} == MULTITILE[name]
    assert leaves["device.dw_min"] == pytest.approx(0.2)
    assert leaves["periphery.forward.perfect"]
    assert leaves["periphery.backward.perfect"]


# Appendix K.1 of the paper for FashionMNIST; rates of what is not in its table are ours.
FASHION: dict[str, dict[str, Any]] = {
    "ResL": {"task.lr": 0.2, "algorithm.gamma": 0.2, "algorithm.transfer_every": 2.0},
    "TT-v1": {"task.lr": 0.1, "algorithm.fast_lr": 0.01, "algorithm.transfer_lr": 0.1},
    "TT-v2": {"task.lr": 0.1, "algorithm.fast_lr": 0.05},
    "mp": {"task.lr": 0.1},
    "analog-sgd": {"task.lr": 0.1},
}


@pytest.mark.parametrize("name", FASHION)
def test_on_fashion_mnist_the_devices_have_four_states_and_the_batch_has_sixteen_images(name: str) -> None:
    leaves = REGISTRY.spec("fashion-mnist-lenet5", setting=name).leaves()
    expected = FASHION[name] | {"task.batch_size": 16, "task.dataset": "fashion-mnist", "device.dw_min": 0.5}
    assert {path: leaves.get(path) for path in expected} == expected


# The scripts of the multi-tile paper as they are committed.
MULTITILE_CODE: dict[tuple[str, str], dict[str, Any]] = {
    ("mnist-lenet5", "ResL"): {
        "task.lr": 0.05,
        "task.epochs": 200,
        "task.schedule.every": 50,
        "task.schedule.factor": 0.1,
        "device.dw_min": 0.5,
        "algorithm.tiles": 7,
        "algorithm.gamma": 0.5,
        "algorithm.transfer_every_ratio": 5.0,
        "algorithm.scale_transfer_lr": False,
        "algorithm.warm_start": "code-mnist",
        "algorithm.transfer_read.perfect": True,
        "mapping.learn_out_scaling": False,
        "periphery.forward.perfect": True,
    },
    ("mnist-lenet5", "TT-v1"): {"algorithm.fast_lr": 0.1, "algorithm.transfer_lr": 1.0, "device.dw_min": 0.2},
    ("mnist-lenet5", "TT-v2"): {"device.dw_min": 0.1, "update.desired_bl": 10, "periphery.forward.perfect": True},
    ("mnist-lenet5", "Analog SGD"): {"device.construction_seed": 10, "periphery.forward.perfect": False},
    ("cifar-resnet", "ResL"): {
        "task.epochs": 200,
        "task.schedule.every": 100,
        "device.dw_min": 0.5,
        "algorithm.tiles": 8,
        "algorithm.transfer_every_ratio": 2.0,
        "algorithm.scale_transfer_lr": True,
        "algorithm.warm_start": "code-cifar",
        "algorithm.transfer_read.perfect": False,
        "mapping.learn_out_scaling": True,
        "periphery.forward.perfect": True,
    },
    ("cifar-resnet", "TT-v2"): {"algorithm.fast_lr": 0.5, "algorithm.thres_scale": 0.9},
    ("cifar-resnet", "Analog SGD"): {"device.w_max_dtod": 0.0, "device.w_min_dtod": 0.0},
}


@pytest.mark.parametrize("name", MULTITILE_CODE, ids="/".join)
def test_the_released_scripts_are_a_protocol_of_their_own(name: tuple[str, str]) -> None:
    experiment, setting = name
    leaves = REGISTRY.spec(experiment, protocol="multitile-code", setting=setting).leaves()
    assert {path: leaves.get(path) for path in MULTITILE_CODE[name]} == MULTITILE_CODE[name]


@pytest.mark.parametrize(
    ("experiment", "typed", "meant"),
    [
        ("mnist-lenet5", "code", "code-mnist"),
        ("fashion-mnist-lenet5", "code", "code-mnist"),
        ("cifar-resnet", "code", "code-cifar"),
        ("mnist-lenet5", "paper", "paper"),
        ("mnist-lenet5", "on", "paper"),
        ("mnist-lenet5", True, "paper"),
        ("mnist-lenet5", False, "off"),
    ],
)
def test_a_warm_start_is_that_of_the_paper_or_of_the_script_of_this_network(
    experiment: str, typed: Any, meant: str
) -> None:
    spec = REGISTRY.spec(experiment, setting="resl", overrides={"algorithm.warm_start": typed})
    assert spec.leaves()["algorithm.warm_start"] == meant
