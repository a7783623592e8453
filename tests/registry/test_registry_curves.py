"""The lines of every figure: each is one run, and the command beside it makes exactly that run."""

import itertools
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from analogcli.cli.app import app
from analogcli.errors import SpecError
from analogcli.registry import Curve, Figure, Registry, load

REGISTRY = load()
FIGURES = pytest.mark.parametrize("figure", REGISTRY.figures.values(), ids=lambda figure: figure.id)
CURVES = [(figure.id, i) for figure in REGISTRY.figures.values() for i in range(len(REGISTRY.curves(figure)))]


def hash_of(command: str, *more: str) -> str:
    """Return the hash that the real command line prints for a command when it is only asked what it would do."""
    words = shlex.split(command)
    assert words[0] == "analog"
    result = CliRunner().invoke(app, [*words[1:], "--dry-run", *more], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.split("\n")[0].removeprefix("# spec ")


@pytest.mark.parametrize(("figure", "index"), CURVES)
def test_the_command_of_a_line_makes_its_run(figure: str, index: int) -> None:
    curve = REGISTRY.curves(REGISTRY.figures[figure])[index]
    assert hash_of(curve.command) == curve.spec.hash


@pytest.mark.parametrize(
    "overrides",
    [
        {"task.epochs": 3, "task.dataset": "mnist5k", "n_models": 2, "seed": 7},
        {"task.dataset": "image-folder:/data/my images"},
        {"task.lr": 1e-5},
        {"device.kind": "soft-bounds"},
        {"device.construction_seed": None},
        {"mapping.learn_out_scaling": False},
        {"task.schedule": {"kind": "step", "every": 5, "factor": 0.5}},
        {"backend": "aihwkit"},
        {"algorithm.fast_lr": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["response/fig4", "demo"])
def test_overrides_of_a_figure_are_in_its_commands(name: str, overrides: dict[str, Any]) -> None:
    curves = REGISTRY.curves(REGISTRY.figure(name), overrides)
    assert len(curves) == len(REGISTRY.curves(REGISTRY.figure(name)))
    for curve in {c.setting: c for c in curves}.values():
        assert hash_of(curve.command) == curve.spec.hash


def test_an_override_goes_to_the_lines_that_have_the_field() -> None:
    figure = REGISTRY.figure("fig4")

    def with_(overrides: dict[str, Any]) -> dict[str, Curve]:
        return {curve.setting: curve for curve in REGISTRY.curves(figure, overrides)}

    plain = with_({})
    device = with_({"device.dw_min_std": 0.9, "backend": "aihwkit"})
    assert device["fp-sgd"].spec == plain["fp-sgd"].spec
    assert all(device[s].spec != plain[s].spec for s in ("analog-sgd", "tt-v1"))
    transfer = with_({"algorithm.gamma": 0.4})
    assert transfer["analog-sgd"].spec == plain["analog-sgd"].spec
    assert transfer["tt-v1"].spec != plain["tt-v1"].spec


def test_a_field_that_no_line_has_is_refused() -> None:
    for path in ("algorithm.gama", "device.gama_res", "tsk.epochs"):
        with pytest.raises(SpecError, match="is not a field; "):
            REGISTRY.curves(REGISTRY.figure("fig4"), {path: 1})


def test_a_tau_picks_its_lines_and_labels_no_other_by_a_wrong_one() -> None:
    figure = REGISTRY.figure("fig4")
    curves = REGISTRY.curves(figure, {"device.tau": 0.5})
    assert {(c.panel, c.setting, c.tau) for c in curves} == {
        (0, "fp-sgd", None),
        (0, "analog-sgd", 0.5),
        (0, "tt-v1", 0.5),
        (1, "fp-sgd", None),
    }
    with pytest.raises(SpecError, match=r"response/fig4, which shows 0.5, 0.6, 0.7, 0.8"):
        REGISTRY.curves(figure, {"device.tau": 3})


@FIGURES
def test_a_figure_has_a_line_for_every_setting_and_tau(figure: Figure) -> None:
    for index, panel in enumerate(figure.panels):
        if panel.groups:
            shown = {(c.group, c.setting) for c in REGISTRY.curves(figure) if c.panel == index}
            assert {group for group, _ in shown} == set(range(len(panel.groups)))
            assert {setting for _, setting in shown} == set(panel.settings)
            continue
        lines = [(c.setting, c.tau, tuple(c.point.items())) for c in REGISTRY.curves(figure) if c.panel == index]
        assert len(lines) == len(set(lines))
        for setting in panel.settings:
            digital = REGISTRY.is_digital(figure.protocol, setting)
            taus = [None] if digital else list(panel.tau) or [None]
            axes = {p: values for p, values in panel.grid.items() if REGISTRY.applies(figure.protocol, setting, p)}
            points = [tuple(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
            assert [line[1:] for line in lines if line[0] == setting] == list(itertools.product(taus, points))


@FIGURES
def test_the_lines_of_a_panel_are_different_runs(figure: Figure) -> None:
    for index in range(len(figure.panels)):
        hashes = [c.spec.hash for c in REGISTRY.curves(figure) if c.panel == index]
        assert len(set(hashes)) == len(hashes)


def written(folder: Path, **says: Any) -> tuple[Registry, Figure]:
    """Return a registry with one more figure, of the settings fp-sgd and tt-v1, and that figure."""
    entry = {"id": "mine", "title": "Mine", "kind": "curves", "source": "none", "protocol": "demo"} | says
    (folder / "figures").mkdir()
    (folder / "figures" / "mine.yaml").write_text(yaml.dump(entry), encoding="utf-8")
    registry = load(folder)
    return registry, registry.figure("mine")


PANEL = {"title": "A", "experiment": "digits-fcn", "settings": ["fp-sgd", "tt-v1"]}


def test_what_a_figure_says_about_its_runs_is_in_specs_and_commands(tmp_path: Path) -> None:
    spec = {"device": {"kind": "power", "gamma_res": 2.0}, "algorithm": {"gamma": 0.4}}
    registry, figure = written(tmp_path, spec=spec, panels=[PANEL | {"tau": [0.5]}])
    digital, analog = registry.curves(figure)
    assert digital.spec == REGISTRY.spec("digits-fcn", setting="fp-sgd")
    assert analog.spec.leaves()["device.gamma_res"] == 2.0
    assert analog.spec.leaves()["algorithm.gamma"] == 0.4
    for curve in (digital, analog):
        assert hash_of(curve.command, "--registry", str(tmp_path)) == curve.spec.hash


def test_what_a_figure_says_is_in_the_specs_and_commands_of_groups_too(tmp_path: Path) -> None:
    panel = PANEL | {
        "tau": [0.5, 0.7],
        "spec": {"algorithm": {"gamma": 0.4}},
        "of_setting": {"tt-v1": {"algorithm.fast_lr": 0.3}},
        "grid": {"device.up_down": [0.0, 0.1]},
        "groups": [{"set": {"device.dw_min_std": 0.1}}, {"set": {"device.dw_min_std": 0.2}}],
    }
    registry, figure = written(tmp_path, spec={"device": {"dw_min": 0.002}}, panels=[panel])
    digital, *analog = registry.curves(figure)
    assert (digital.setting, digital.group) == ("fp-sgd", 0)
    varied = itertools.product((0, 1), (0.5, 0.7), (0.0, 0.1))
    assert [(c.group, c.tau, c.point["device.up_down"]) for c in analog] == list(varied)
    for curve in analog:
        leaves = curve.spec.leaves()
        assert (leaves["device.dw_min"], leaves["algorithm.gamma"], leaves["algorithm.fast_lr"]) == (0.002, 0.4, 0.3)
        assert (leaves["device.tau"], leaves["device.up_down"]) == (curve.tau, curve.point["device.up_down"])
    for curve in (digital, *analog):
        assert hash_of(curve.command, "--registry", str(tmp_path)) == curve.spec.hash


@pytest.mark.parametrize("device", ["soft-bounds", "softbounds", "reram-sb"])
def test_devices_that_are_asked_for_replace_what_a_figure_says_of_its_own(device: str) -> None:
    figure = REGISTRY.figure("response/table-resnet")
    assert "gamma_res" in figure.spec["device"]
    curves = {curve.setting: curve for curve in REGISTRY.curves(figure, {"device.kind": device})}
    assert curves["analog-sgd"].spec.leaves()["device.kind"] == "soft-bounds"
    for curve in curves.values():
        assert hash_of(curve.command) == curve.spec.hash


SCRIPTS = {
    "S1-SGD-diff-lr": "exact/fig1",
    "S2-dynamic-verification": "exact/fig3",
    "S3.1-ablation-tau": "exact/fig4-tau",
    "S3.2-ablation-sigma": "exact/fig4-sigma",
    "S3.3-ablation-init": "exact/fig4-init",
    "S1-TT-fails": "response/fig2",
}
"""The scripts of least-squares problems in the READMEs of the two papers, and the figures that they make."""


@pytest.mark.parametrize(("script", "figure"), SCRIPTS.items())
def test_a_script_is_a_figure_and_its_experiment(script: str, figure: str) -> None:
    assert REGISTRY.figure(script).id == figure
    assert {c.spec.experiment for c in REGISTRY.curves(REGISTRY.figure(figure))} == {REGISTRY.experiment(script).id}
