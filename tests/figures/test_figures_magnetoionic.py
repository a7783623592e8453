"""The magneto-ionic figures show what is stored: accuracy by learning rate, relaxation, gradients, weights, laws."""

import numpy as np
import pytest

from analogcli.errors import UsageError
from analogcli.figures.draw_runs import of_runs
from analogcli.figures.drawing import Quantity
from analogcli.figures.laws import draw_laws
from analogcli.figures.learning_rates import draw_figure
from analogcli.figures.selection import Choice, choose
from analogcli.figures.summary import relaxed_accuracies
from analogcli.registry import Published, load
from analogcli.spec import ExecutionOptions
from analogcli.store import RunRecord, Store

REGISTRY = load()
SMALL = {"n_models": 2, "task.epochs": 1, "task.dataset": "mnist5k", "task.model.hidden": [8], "task.shuffle": True}
FIGURE = REGISTRY.figure("figure2")
ASKED = SMALL | {"task.lr": 1000}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[Choice]]:
    """Both settings of figure 2 at one learning rate, small."""
    from analogcli.cli.progress import ProgressView
    from analogcli.training import train

    store = Store.open(str(tmp_path_factory.mktemp("figures") / "analog.db"))
    curves = REGISTRY.curves(FIGURE, ASKED)
    with ProgressView(quiet=True) as view:
        runs = [train(store, curve.spec, ExecutionOptions(), view) for curve in curves]
    return store, choose(curves, runs)


def runs_of(choices: list[Choice]) -> list[RunRecord]:
    return [choice.run for choice in choices if choice.run is not None]


def test_a_figure_is_its_settings_at_its_learning_rates_with_ten_models() -> None:
    for name, runs in (("figure1", 12), ("magnetoionic/fig2", 12), ("Figure 3", 36)):
        curves = REGISTRY.curves(REGISTRY.figure(name))
        assert len({curve.spec.hash for curve in curves}) == runs
        assert {curve.spec.n_models for curve in curves} == {10}
        assert {curve.spec.seed for curve in curves} == {100}
    clippings = {curve.spec.leaves()["algorithm.clipping"] for curve in REGISTRY.curves(REGISTRY.figure("figure3"))}
    assert clippings == {0.1, 0.2, 0.5}


def test_lines_are_means_of_the_last_epoch_and_relaxation_that_of_linear_devices(
    stored: tuple[Store, list[Choice]],
) -> None:
    store, choices = stored
    relaxed = {run.id: relaxed_accuracies(store, run) for run in runs_of(choices)}
    assert all(len(found) == 2 for found in relaxed.values())
    (ax,) = draw_figure(FIGURE, choices, {}, relaxed, lambda spec: None).axes
    exponential, linear, after = ax.lines
    assert (exponential.get_label(), linear.get_label(), after.get_label()) == (
        "double-exponential",
        "double-linear",
        "Field relaxation",
    )
    assert after.get_color() == linear.get_color()
    for line, run in ((exponential, runs_of(choices)[0]), (linear, runs_of(choices)[1])):
        last = [100 * (model.epochs[-1].test_accuracy or 0) for model in run.models]
        assert list(np.asarray(line.get_xdata())) == [1000]
        assert list(np.asarray(line.get_ydata())) == pytest.approx([np.mean(last)])
    assert list(np.asarray(after.get_ydata())) == pytest.approx([100 * np.mean(relaxed[runs_of(choices)[1].id])])


def test_published_values_are_drawn_behind_ours(stored: tuple[Store, list[Choice]]) -> None:
    complete = choose(REGISTRY.curves(FIGURE), [])
    _, choices = stored
    values = {choice.curve.spec.hash: REGISTRY.published(choice.curve.spec) for choice in complete}
    assert all(values.values())
    number = Published(97.4, None, "a paper", "a rule", 1, True, relaxed=97.1)
    (ax,) = draw_figure(FIGURE, choices, {}, {}, lambda spec: number).axes
    faint = {float(y) for line in ax.lines if line.get_alpha() for y in np.asarray(line.get_ydata())}
    assert faint == {97.4, 97.1}


def test_nothing_is_cut_off_below(stored: tuple[Store, list[Choice]]) -> None:
    _, choices = stored
    (ax,) = draw_figure(FIGURE, choices, {}, {}, lambda spec: None).axes
    assert ax.get_ylim()[0] <= min(float(np.min(np.asarray(line.get_ydata()))) for line in ax.lines)


def test_gradients_and_weights_of_runs_are_drawn(stored: tuple[Store, list[Choice]]) -> None:
    store, choices = stored
    runs = runs_of(choices)
    (ax,) = of_runs(store, runs, Quantity.GRADIENT).canvas().axes
    assert len(ax.lines) == 2 and ax.get_yscale() == "log"
    panels = of_runs(store, runs, Quantity.WEIGHTS).canvas().axes
    assert [panel.get_title() for panel in panels] == ["layers.1, rails dotted", "layers.4, rails dotted"]
    for panel in panels:
        rails = sorted(float(np.asarray(line.get_xdata())[0]) for line in panel.lines)
        assert rails == pytest.approx([-1.4343, -0.567, 0.567, 1.4343], abs=1e-4)
        assert sum(patch.get_height() for patch in panel.patches) == pytest.approx(200)  # percent, of two runs


def test_weights_of_other_networks_are_refused(stored: tuple[Store, list[Choice]]) -> None:
    from analogcli.cli.progress import ProgressView
    from analogcli.training import train

    store, _ = stored
    spec = REGISTRY.spec("magnetoionic-mnist", setting="fp-sgd", overrides=SMALL)
    with ProgressView(quiet=True) as view:
        run = train(store, spec, ExecutionOptions(), view)
    with pytest.raises(UsageError, match="has no weights of double devices"):
        of_runs(store, [run], Quantity.WEIGHTS)


def test_the_laws_are_drawn_over_their_range() -> None:
    state, step = draw_laws("laws").axes
    curves = {line.get_label(): np.asarray(line.get_ydata()) for line in state.lines[::3]}
    for w in curves.values():
        assert len(w) == 28 and (np.diff(w) < 0).all()
    assert len(step.lines) == 2
