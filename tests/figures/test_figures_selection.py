"""Which stored run a line is drawn from: the very run, else the nearest with a remark, and never one of other data."""

import json
import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from figures_kit import Add

from analogcli.figures.selection import Choice, choose
from analogcli.registry import Registry
from analogcli.spec import RunSpec
from analogcli.store import RunRecord, Store

TWO = [0.1, 0.8, 0.9]
ASKED = {"device.tau": 0.6, "task.epochs": 2, "backend": "native", "update.fidelity": "mean-field"}
KIT = {"backend": "aihwkit", "update.fidelity": "sequential"}


def wanted(registry: Registry, **over: Any) -> RunSpec:
    return registry.spec("mnist-fcn", setting="analog-sgd", overrides=ASKED | over)


def chosen(registry: Registry, runs: list[RunRecord], **over: Any) -> Choice:
    line = {path: ASKED[path] for path in ("device.tau", "task.epochs")}
    curve = next(c for c in registry.curves(registry.figure("fig4"), line) if c.setting == "analog-sgd")
    return choose([replace(curve, spec=wanted(registry, **over))], runs)[0]


def test_the_very_run_is_drawn_without_a_remark(add: Add, registry: Registry) -> None:
    exact = add(wanted(registry), [TWO])
    others = [add(wanted(registry, **o), [TWO + [0.95] * 3]) for o in ({"seed": 1}, {"task.epochs": 5})]
    choice = chosen(registry, [exact, *others])
    assert choice.run == exact
    assert choice.remark is None


def test_of_several_very_runs_a_finished_one_is_drawn(add: Add, registry: Registry) -> None:
    finished = add(wanted(registry), [TWO])
    add(wanted(registry), [TWO[:2]], status="failed")
    assert chosen(registry, [add(wanted(registry), [TWO[:2]], status="failed"), finished]).run == finished


@pytest.mark.parametrize(
    ("over", "remark"),
    [
        ({"task.epochs": 1}, "epochs 1 instead of 2"),
        ({"seed": 7}, "seed 7 instead of 0"),
        ({"n_models": 2}, "n_models 2 instead of 1"),
        (KIT, "backend aihwkit instead of native, fidelity sequential instead of mean-field"),
    ],
)
def test_a_near_run_stands_in_with_a_remark(add: Add, registry: Registry, over: dict[str, Any], remark: str) -> None:
    spec = wanted(registry, **over)
    run = add(spec, [TWO[: spec.task.epochs + 1]] * spec.n_models)
    choice = chosen(registry, [run])
    assert choice.run == run
    assert choice.remark == remark


def test_a_run_that_did_not_end_says_how_far_it_came(add: Add, registry: Registry) -> None:
    choice = chosen(registry, [add(wanted(registry), [TWO[:2]], status="interrupted")])
    assert choice.remark == "interrupted after 1 of 2 epochs"


def test_the_nearest_of_several_is_the_one_as_long_as_asked_for(add: Add, registry: Registry) -> None:
    # Ten short models have more epochs together than one long one, but a curve is as long as each of them.
    many = add(wanted(registry, **{"n_models": 10, "task.epochs": 1}), [TWO[:2]] * 10)
    long = add(wanted(registry, seed=3), [TWO])
    longer = add(wanted(registry, **{"task.epochs": 6}), [[0.1] * 7])
    for order in ([many, long, longer], [longer, long, many]):
        assert chosen(registry, order).run == long


def test_the_engine_that_was_asked_for_comes_first(add: Add, registry: Registry) -> None:
    kit = add(wanted(registry, **KIT | {"task.epochs": 1}), [TWO[:2]])
    native = add(wanted(registry, seed=1), [TWO])
    assert chosen(registry, [kit, native], **KIT).run == kit
    assert chosen(registry, [kit, native]).run == native


@pytest.mark.parametrize(
    "over",
    [
        {"task.dataset": "mnist5k"},
        {"task.lr": 0.5},
        {"device.tau": 0.7},
        {"device.dw_min": 0.01},
        {"device.kind": "soft-bounds"},
    ],
    ids=str,
)
def test_a_run_about_something_else_is_never_drawn(add: Add, registry: Registry, over: dict[str, Any]) -> None:
    choice = chosen(registry, [add(wanted(registry, **over), [TWO])])
    assert choice.run is None
    assert choice.remark is None
    assert choice.curve.command == "analog run mnist-fcn --setting analog-sgd --tau 0.6 --epochs 2"


def test_a_run_without_a_trained_epoch_is_never_drawn(add: Add, registry: Registry) -> None:
    runs = [add(wanted(registry), []), add(wanted(registry), [[0.1]])]
    assert chosen(registry, runs).run is None


def test_a_run_of_another_version_is_passed_over(add: Add, registry: Registry, store: Store) -> None:
    # Its fields are not those of today: it cannot be compared with, but the others can.
    old = add(wanted(registry), [TWO])
    data = old.spec_data | {"gone": 1}
    with sqlite3.connect(str(store.location.file)) as database:
        database.execute("UPDATE runs SET spec = ? WHERE id = ?", (json.dumps(data), old.id))
    database.close()
    near = add(wanted(registry, seed=1), [TWO])
    assert chosen(registry, store.runs()).run == near
