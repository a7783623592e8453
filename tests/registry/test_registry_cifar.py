"""The CIFAR protocols are those of the three papers, and their tables plan the runs of the published values."""

from typing import Any

import pytest

from analogcli.registry import load
from analogcli.spec import RunSpec

REGISTRY = load()
TABLES = {
    "exact/table2": 9,
    "response/table-resnet": 30,
    "response/table-mobilenet": 30,
    "response/fig-gamma": 30,
    "multitile/table1": 12,
    "multitile/table2": 24,
}
"""Tables, and figures against a field, with the number of their published values."""
FINETUNE = {
    "task.model.train_mode": "fft",
    "task.model.pretrained": "imagenet",
    "task.batch_size": 128,
    "task.epochs": 100,
    "task.schedule.every": 50,
    "task.schedule.factor": 0.1,
    "task.augment.resize": 224,
    "task.augment.normalise": "imagenet",
    "task.augment.horizontal_flip": 0.5,
    "task.augment.vertical_flip": 0.5,
}
RESNET = {
    "task.model.block_type": "DDDAAA",
    "task.batch_size": 128,
    "task.epochs": 200,
    "task.schedule.every": 100,
    "task.schedule.factor": 0.1,
    "task.label_smoothing": 0.1,
    "task.augment.pad_crop": 4,
    "task.augment.cutout": 0.5,
    "task.augment.horizontal_flip": 0.5,
    "task.augment.policy": "cifar10",
    "task.augment.normalise": "half",
}
PROTOCOLS: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("cifar-finetune", "exact-cifar"): (
        FINETUNE | {"task.lr_groups": "last-tensor"},
        {"device.kind": "soft-bounds", "device.tau": 0.8, "device.dw_min": pytest.approx(0.8 / 600), "task.lr": 0.075},
    ),
    ("cifar-finetune", "response-cifar"): (
        FINETUNE | {"task.lr_groups": "one", "task.lr": 0.075},
        {
            "device.kind": "power",
            "device.gamma_res": 3.0,
            "device.tau": 0.1,
            "device.dw_min": pytest.approx(0.2 / 1200),
        },
    ),
    ("cifar-resnet", "multitile-cifar-code"): (RESNET, {"device.kind": "soft-bounds", "device.dw_min": 0.5}),
    ("cifar-resnet", "multitile-cifar"): (
        RESNET,
        {"device.kind": "soft-bounds", "device.tau": 1.0, "device.dw_min": 0.5, "task.lr": 0.1}
        | {"periphery.forward.perfect": True, "periphery.backward.perfect": True},
    ),
}


@pytest.mark.parametrize("name", PROTOCOLS, ids="/".join)
def test_a_setting_is_configured_as_its_paper_says(name: tuple[str, str]) -> None:
    experiment, protocol = name
    everywhere, analog = PROTOCOLS[name]
    for setting in REGISTRY.protocols[protocol].settings:
        spec = REGISTRY.spec(experiment, protocol=protocol, setting=setting)
        leaves = spec.leaves()
        expected = everywhere | (analog if spec.device else {})
        assert {path: leaves[path] for path in expected} == expected, setting


def test_residual_learning_has_the_rates_and_periods_of_the_multi_tile_paper() -> None:
    algorithm: Any = REGISTRY.spec("cifar-resnet", setting="resl").algorithm
    assert algorithm.tiles == 8 and not algorithm.scale_transfer_lr and algorithm.transfer_read.perfect
    assert algorithm.periods == (3, 6, 12, 24, 48, 96, 192)
    assert algorithm.gammas[0] == 0.5**7 and algorithm.gammas[-1] == 1
    assert algorithm.transfer_lrs[0] == pytest.approx(0.3 * 1.2**7)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_plans_a_run_for_every_published_value(name: str) -> None:
    # Floating point and Analog SGD are run beside what the multi-tile paper's tables show.
    beside = ("fp-sgd", "analog-sgd") if name.startswith("multitile") else ()
    curves = [curve for curve in REGISTRY.curves(REGISTRY.figure(name)) if curve.setting not in beside]
    found = [REGISTRY.published(curve.spec) for curve in curves]
    assert len(curves) == TABLES[name]
    assert all(value is not None and value.matches_epochs for value in found)


@pytest.mark.parametrize("alias", ["table2", "table-resnet", "table-mobilenet", "fig-gamma"])
def test_tables_answer_to_the_words_of_the_papers(alias: str) -> None:
    assert REGISTRY.is_figure(alias)


def test_a_value_that_is_asked_for_leaves_the_rest_of_a_grid_out() -> None:
    figure = REGISTRY.figure("response/fig-gamma")
    curves = REGISTRY.curves(figure, {"task.model.name": "resnet18", "task.model.pretrained": "none"})
    assert len(curves) == 10
    specs: list[RunSpec] = [curve.spec for curve in curves]
    assert {spec.leaves()["task.model.name"] for spec in specs} == {"resnet18"}
    assert {curve.point["algorithm.gamma"] for curve in curves} == {0, 0.1, 0.2, 0.3, 0.4}
