"""The command that makes a run: short, read back as it was meant, and with the options that there are."""

import shlex
from collections.abc import Callable
from typing import Any

import pytest
import typer.main
from command_kit import Done

from analogcli.cli.app import app
from analogcli.cli.options import SPEC
from analogcli.registry import FLAGS, flag, load
from analogcli.spec import parse_assignment

REGISTRY = load()
OTHERS = ("--setting", "--protocol", "--set", "--spec")
"""Options of a run that stand for no field; those of --io-perfect's kin stand for several."""


def test_every_option_for_one_field_of_a_run_has_its_field() -> None:
    run: Any = typer.main.get_command(app)
    ours = [p.opts[0] for p in run.commands["run"].params if getattr(p, "rich_help_panel", None) == SPEC]
    assert {name for name in ours if name not in OTHERS and not name.startswith("--io-")} == set(FLAGS.values())


@pytest.mark.parametrize(
    ("overrides", "typed"),
    [
        ({}, ""),
        ({"task.model.blocks": [3, 4, 6, 3]}, " --block-number 3 4 6 3"),
        ({"task.model.block_type": "DDAAAA", "algorithm.tiles": 3}, " --block-type DDAAAA --tiles 3"),
        ({"device.dw_min_std": 0.1}, " --set device.dw_min_std=0.1"),
    ],
    ids=str,
)
def test_the_command_of_a_run_is_the_shortest_and_makes_it(
    overrides: dict[str, Any], typed: str, analog: Callable[..., Done]
) -> None:
    spec = REGISTRY.spec("cifar-resnet", setting="resl", overrides=overrides)
    program, *words = shlex.split(REGISTRY.command(spec))
    assert sorted([program, *words]) == sorted(shlex.split(f"analog run cifar-resnet --setting resl{typed}"))
    assert analog(*words, "--dry-run").out.startswith(f"# spec {spec.hash}\n")


@pytest.mark.parametrize(
    "value", [3, 0.1, 1e-7, True, None, "tanh", "true", "1e-3", "a b", "it's", [64, 32], {"kind": "step", "every": 2}]
)
def test_a_value_on_a_command_line_is_read_back_as_it_was(value: Any) -> None:
    option, word = shlex.split(flag("task.model.hidden", value))
    assert option == "--set"
    assert parse_assignment(word) == ("task.model.hidden", value)
