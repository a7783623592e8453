"""What a sweep would run: every combination once, as a command that makes the run alone."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from command_kit import TINY, Done

from analogcli.errors import SpecError, UnknownName
from analogcli.registry import load
from analogcli.sweep import parse_axis, plan_figure, plan_grid


def plan(*words: str, analog: Callable[..., Done]) -> list[str]:
    """The commands that a dry run prints."""
    done = analog("sweep", *words, "--dry-run")
    assert done.code == 0, done.err
    return done.out.splitlines()


def test_a_figure_is_all_its_lines(analog: Callable[..., Done]) -> None:
    registry = load(None)
    commands = plan("fig4", analog=analog)
    # Per panel one line without devices and two settings at three dynamic ranges.
    assert len(commands) == 2 * (1 + 2 * 3)
    assert commands[0] == "analog run mnist-fcn --setting fp-sgd"
    assert "analog run mnist-cnn --setting tt-v1 --tau 0.8" in commands
    assert commands == [planned.command for planned in plan_figure(registry, "fig4", {})]


def test_a_figure_by_another_name_is_the_same_plan(analog: Callable[..., Done]) -> None:
    assert plan("figure4", analog=analog) == plan("response/fig4", analog=analog) == plan("fig4", analog=analog)


def test_a_grid_is_every_combination_of_its_axes(analog: Callable[..., Done]) -> None:
    assert plan("mnist-fcn", "--grid", "tau=0.5,0.6", "--grid", "setting=analog-sgd,tt-v1", analog=analog) == [
        "analog run mnist-fcn --setting analog-sgd --tau 0.5",
        "analog run mnist-fcn --setting tt-v1 --tau 0.5",
        "analog run mnist-fcn --setting analog-sgd --tau 0.6",
        "analog run mnist-fcn --setting tt-v1 --tau 0.6",
    ]


def test_every_planned_command_makes_the_planned_run(analog: Callable[..., Done]) -> None:
    registry = load(None)
    axes = dict(
        parse_axis(text)
        for text in (
            "setting=FP SGD,analog-sgd",
            "protocol=response,exact",
            "task.model.hidden=[8],[16, 4]",
            "task.lr=1e-2",
            "batch-size=100",
            "seed=3",
        )
    )
    planned, _ = plan_grid(registry, "mnist-fcn", axes, protocol=None, setting=None, overrides={"n_models": 2})
    planned += plan_figure(registry, "fig5", {"task.dataset": "mnist5k"})
    assert len(planned) == 8 + 14
    for one in planned:
        program, *words = shlex.split(one.command)
        assert program == "analog"
        printed = analog(*words, "--dry-run")
        assert printed.out.startswith(f"# spec {one.spec.hash}\n"), one.command


def test_equal_runs_are_planned_once(analog: Callable[..., Done]) -> None:
    assert len(plan("mnist-fcn", "--grid", "setting=fp-sgd,FP SGD,fp-sgd", "--grid", "lr=0.1,0.10", analog=analog)) == 1


def test_a_setting_without_devices_is_planned_once_and_the_axis_left_out_is_named(analog: Callable[..., Done]) -> None:
    words = ("sweep", "mnist-fcn", "--grid", "tau=0.5,0.6,0.7", "--grid", "setting=fp-sgd,analog-sgd", "--dry-run")
    done = analog(*words)
    assert done.out.splitlines() == [
        "analog run mnist-fcn --setting fp-sgd",
        "analog run mnist-fcn --setting analog-sgd --tau 0.5",
        "analog run mnist-fcn --setting analog-sgd --tau 0.6",
        "analog run mnist-fcn --setting analog-sgd --tau 0.7",
    ]
    assert "note: tau left out where the setting does not have it" in done.err
    assert "4 runs, 0 stored, 4 to train" in done.err


def test_options_of_the_sweep_are_options_of_every_run(analog: Callable[..., Done]) -> None:
    commands = plan("demo", "--epochs", "2", "--batch-size", "50", "--set", "device.dw_min=0.01", analog=analog)
    assert commands[0] == "analog run digits-fcn --setting fp-sgd --epochs 2 --batch-size 50"
    assert all("--epochs 2 --batch-size 50 --set device.dw_min=0.01" in command for command in commands[1:])


def test_a_dry_run_runs_nothing_and_makes_no_store(analog: Callable[..., Done], workspace: Path) -> None:
    plan("fig4", analog=analog)
    assert list(workspace.iterdir()) == []


def test_what_is_stored_is_marked_and_not_to_train(analog: Callable[..., Done]) -> None:
    analog("run", "mnist-fcn", *TINY, "--epochs", "0", "--seed", "1")
    done = analog("sweep", "mnist-fcn", *TINY, "--epochs", "0", "--grid", "seed=0,1", "--dry-run")
    zero, one = done.out.splitlines()
    assert "--seed 0" in zero and "# stored" not in zero
    assert "--seed 1" in one and one.endswith("    # stored")
    assert "2 runs, 1 stored, 1 to train" in done.err


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("tau=0.5,0.6", "device.tau", [0.5, 0.6]),
        ("batch_size=10, 100", "task.batch_size", [10, 100]),
        ("setting=fp-sgd,1", "setting", ["fp-sgd", "1"]),
        ("device.dw_min=1e-3", "device.dw_min", [0.001]),
        ("warm-start=off,code", "algorithm.warm_start", ["off", "code"]),
        ("states=4,10", "device.states", [4, 10]),
        ("block-number=[2,2,2,2],[3,4,6,3]", "task.model.blocks", [[2, 2, 2, 2], [3, 4, 6, 3]]),
        ("task.model.hidden=[64,32],[]", "task.model.hidden", [[64, 32], []]),
        ("device={kind: power, tau: 0.5},{kind: soft-bounds}", "device.kind", None),
    ],
)
def test_an_axis_is_a_name_and_values(text: str, path: str, values: list[object] | None) -> None:
    found = parse_axis(text)
    assert found[0] == path
    assert values is None or found[1] == values


@pytest.mark.parametrize("text", ["", "tau", "tau=", "=0.5", "tau=,", "=", ","])
def test_an_axis_that_is_malformed_is_a_sentence(text: str) -> None:
    with pytest.raises(SpecError, match=r"is not of the form name=value,value, e\.g\. --grid tau=0\.5,0\.6,0\.7"):
        parse_axis(text)


def test_an_axis_that_is_no_axis_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no grid axis is called 'taau'; did you mean tau"):
        parse_axis("taau=0.5")
