"""The protocols are those of the papers' scripts, number by number, and every published value can be reached."""

from typing import Any

import pytest

from analogcli.registry import Experiment, Registry, load
from analogcli.spec import RunSpec

REGISTRY = load()
TABLES = [(e.id, table) for e in REGISTRY.experiments.values() for table in e.published]

# What the scripts of arXiv 2502.06309 (response) and 2406.12774 (exact) set, for each network.
SCRIPTS: dict[tuple[str, str], dict[str, Any]] = {
    ("mnist-fcn", "response"): {
        "task.model.hidden": [256, 128],
        "task.model.activation": "sigmoid",
        "task.batch_size": 10,
        "task.epochs": 30,
        "task.schedule.every": 15,
        "task.schedule.factor": 0.5,
    },
    ("mnist-cnn", "response"): {
        "task.model.channels": [16, 32],
        "task.model.hidden": 128,
        "task.batch_size": 8,
        "task.epochs": 30,
        "task.schedule.every": 35,
        "task.schedule.factor": 0.1,
    },
    ("mnist-fcn", "exact"): {
        "task.model.hidden": [256, 128],
        "task.model.activation": "sigmoid",
        "task.batch_size": 10,
        "task.epochs": 80,
        "task.schedule.every": 35,
        "task.schedule.factor": 0.1,
    },
    ("mnist-cnn", "exact"): {
        "task.model.channels": [16, 32],
        "task.model.hidden": 128,
        "task.batch_size": 8,
        "task.epochs": 80,
        "task.schedule.every": 35,
        "task.schedule.factor": 0.1,
    },
}
# The one place where the two protocols' scripts differ is the digital rate; analog trains at 0.05 in both.
LR = {
    ("response", "fp-sgd"): 0.1,
    ("response", "fp-sgdm"): 0.1,
    ("response", "analog-sgd"): 0.05,
    ("response", "tt-v1"): 0.05,
    ("exact", "fp-sgd"): 0.05,
    ("exact", "fp-sgdm"): 0.05,
    ("exact", "analog-sgd"): 0.05,
    ("exact", "tt-v1"): 0.05,
}
KIT = {
    "periphery.forward.inp_bound": 1.0,
    "periphery.forward.inp_steps": 126,
    "periphery.forward.out_bound": 12.0,
    "periphery.forward.out_steps": 510,
    "periphery.forward.out_noise": 0.06,
    "periphery.forward.noise_management": "abs-max",
    "periphery.forward.bound_management": "iterative",
    "periphery.backward.bound_management": "none",
    "update.desired_bl": 31,
    "update.update_management": True,
    "update.update_bl_management": True,
    "mapping.learn_out_scaling": True,
    "mapping.weight_scaling_columnwise": True,
    "mapping.weight_scaling_omega": 0.0,
    "device.dw_min_std": 0.3,
    "device.dw_min_dtod": 0.3,
    "device.up_down_dtod": 0.01,
}
"""AIHWKit's defaults, which the scripts use, and the mapping that they set."""
TIKI_TAKA = {
    "algorithm.fast_lr": 0.01,
    "algorithm.gamma": 0.0,
    "algorithm.n_reads_per_transfer": 1,
    "algorithm.transfer_every": 1.0,
    "algorithm.units_in_mbatch": True,
    "algorithm.transfer_lr": 1.0,
    "algorithm.scale_transfer_lr": True,
    "algorithm.transfer_read.noise_management": "none",
    "algorithm.transfer_read.bound_management": "none",
}


def differing(spec: RunSpec, expected: dict[str, Any]) -> dict[str, Any]:
    leaves = spec.leaves()
    return {path: leaves.get(path) for path, value in expected.items() if leaves.get(path) != value}


@pytest.mark.parametrize("name", SCRIPTS, ids="/".join)
@pytest.mark.parametrize("setting", ["fp-sgd", "fp-sgdm", "analog-sgd", "tt-v1"])
def test_a_setting_is_configured_as_its_script_does(name: tuple[str, str], setting: str) -> None:
    experiment, protocol = name
    spec = REGISTRY.spec(experiment, protocol=protocol, setting=setting)
    expected = SCRIPTS[name] | {"task.dataset": "mnist", "task.lr": LR[protocol, setting]}
    expected |= KIT if spec.device else {"algorithm.momentum": 0.99 if setting == "fp-sgdm" else 0.0}
    expected |= TIKI_TAKA if setting == "tt-v1" else {}
    assert differing(spec, expected) == {}


POWER = {"device.kind": "power", "device.gamma_res": 0.5, "device.w_max_dtod": 0.0, "device.w_min_dtod": 0.0}
SOFT_BOUNDS = {"device.kind": "soft-bounds", "device.w_max_dtod": 0.3, "device.w_min_dtod": 0.3}


@pytest.mark.parametrize(("experiment", "device"), [("mnist-fcn", POWER), ("mnist-cnn", SOFT_BOUNDS)])
@pytest.mark.parametrize("tau", [0.5, 0.6, 0.7, 0.8])
def test_the_response_protocol_has_the_devices_of_figure_4_with_1200_states(
    experiment: str, device: dict[str, Any], tau: float
) -> None:
    spec = REGISTRY.spec(experiment, protocol="response", setting="analog-sgd", overrides={"device.tau": tau})
    assert differing(spec, device | {"device.tau": tau}) == {}
    assert spec.leaves()["device.dw_min"] == pytest.approx(2 * tau / 1200, rel=1e-15)


def test_what_the_text_of_figure_4_says_of_the_cnn_is_a_figure_of_its_own() -> None:
    analog = [curve.spec for curve in REGISTRY.curves(REGISTRY.figure("response/fig4-text")) if curve.spec.device]
    assert len(analog) == 6
    assert all(differing(spec, POWER) == {} for spec in analog)
    assert all(REGISTRY.published(spec) is None for spec in analog)


@pytest.mark.parametrize("experiment", ["mnist-fcn", "mnist-cnn"])
@pytest.mark.parametrize(("setting", "seed"), [("analog-sgd", 10), ("tt-v1", 123)])
def test_the_exact_protocol_has_soft_bounds_of_fixed_granularity_and_one_population(
    experiment: str, setting: str, seed: int
) -> None:
    spec = REGISTRY.spec(experiment, protocol="exact", setting=setting, overrides={"device.tau": 0.78})
    bounds = {"device.w_max_dtod": 0.3, "device.w_min_dtod": 0.3}
    device = {"device.kind": "soft-bounds", "device.tau": 0.78, "device.dw_min": 0.001}
    assert differing(spec, bounds | device | {"device.construction_seed": seed}) == {}


def test_every_setting_of_every_protocol_can_be_run_on_some_network() -> None:
    used = {protocol for experiment in REGISTRY.experiments.values() for protocol in experiment.protocols}
    assert used == set(REGISTRY.protocols)


def published_spec(experiment: str, protocol: str, setting: str, where: dict[str, Any], **over: Any) -> RunSpec:
    return REGISTRY.spec(experiment, protocol=protocol, setting=setting, overrides=where | over)


@pytest.mark.parametrize(
    ("experiment", "table", "index"),
    [(name, table, i) for name, table in TABLES for i in range(len(table.values))],
    ids=lambda value: getattr(value, "protocol", str(value)),
)
def test_every_published_value_stands_beside_the_run_it_was_measured_with(
    experiment: str, table: Any, index: int
) -> None:
    entry = table.values[index]
    where = table.where | entry.where
    found = REGISTRY.published(published_spec(experiment, table.protocol, entry.setting, where))
    assert found is not None
    assert (found.value, found.std, found.source) == (entry.value, entry.std, table.source.text)
    assert found.matches_epochs


def test_no_two_published_values_are_for_one_run() -> None:
    hashes = [
        published_spec(name, table.protocol, entry.setting, table.where | entry.where).hash
        for name, table in TABLES
        for entry in table.values
    ]
    assert len(set(hashes)) == len(hashes)


VARIED = ("device.tau", "algorithm.tiles", "algorithm.clipping", "algorithm.var", "algorithm.resistor_noise")
"""What the tables vary; the magneto-ionic ones also vary the learning rate."""


RATES = (("magnetoionic-mnist", "task.lr"), ("squares-lr", "task.lr"))
"""Experiments whose published values are those of several learning rates."""


def test_published_values_need_no_override_but_what_the_tables_vary() -> None:
    # A value that is only reached by changing the protocol would compare our protocol with another one.
    # What the tables on CIFAR vary stands in their figures, whose runs are those of the values (test_registry_cifar).
    for name, table in [(name, table) for name, table in TABLES if not name.startswith("cifar")]:
        for entry in table.values:
            where = table.where | entry.where
            varied = {p: v for p, v in where.items() if p in VARIED or (name, p) in RATES}
            plain = published_spec(name, table.protocol, entry.setting, varied)
            assert plain == published_spec(name, table.protocol, entry.setting, table.where | entry.where)


def test_fewer_epochs_say_so_and_other_seeds_and_engines_do_not_matter() -> None:
    where = {"device.tau": 0.6}
    short = REGISTRY.published(published_spec("mnist-fcn", "response", "analog-sgd", where, **{"task.epochs": 3}))
    assert short is not None
    assert not short.matches_epochs
    other = {"seed": 5, "n_models": 3, "backend": "aihwkit"}
    assert REGISTRY.published(published_spec("mnist-fcn", "response", "analog-sgd", where, **other)) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"task.dataset": "mnist5k"},
        {"task.lr": 0.5},
        {"device.dw_min": 0.1},
        {"device.kind": "power"},
        {"device.tau": 0.71},
        {"update.desired_bl": 5},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_run_that_differs_in_what_matters_reproduces_nothing(change: dict[str, Any]) -> None:
    assert REGISTRY.published(published_spec("mnist-fcn", "exact", "analog-sgd", {"device.tau": 0.7})) is not None
    assert REGISTRY.published(published_spec("mnist-fcn", "exact", "analog-sgd", {"device.tau": 0.7} | change)) is None


def test_a_run_of_an_experiment_that_is_gone_has_no_published_value() -> None:
    assert Registry().published(REGISTRY.spec("mnist-fcn")) is None
    assert isinstance(REGISTRY.experiment("mnist-fcn"), Experiment)
