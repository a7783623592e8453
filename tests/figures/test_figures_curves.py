"""What is drawn is what is stored: the numbers of every line, the styles of the papers, the files."""

from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from figures_kit import Add, fill
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from analogcli.figures.curves import METHOD_STYLES, accuracy_by_epoch, draw_figure, draw_runs
from analogcli.figures.selection import choose
from analogcli.figures.theme import COLOURS, DIGITAL, save
from analogcli.registry import Curve, Figure, Registry
from analogcli.store import RunRecord, Store

MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


def draw(registry: Registry, store: Store, figure: Figure, overrides: dict[str, Any] | None = None) -> Canvas:
    titles = {name: setting.title for name, setting in registry.protocols[figure.protocol].settings.items()}
    return draw_figure(figure, choose(registry.curves(figure, overrides), store.runs()), titles, lambda spec: None)


def data_lines(ax: Axes) -> list[Line2D]:
    return [line for line in ax.lines if len(np.asarray(line.get_xdata()))]


def numbers(line: Line2D) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


def smoothed(values: list[float], weight: float) -> list[float]:
    """The papers' exponential moving average: the first value stands, then weight·past + (1 − weight)·present."""
    out = values[:1]
    for value in values[1:]:
        out.append(weight * out[-1] + (1 - weight) * value)
    return out


@pytest.mark.parametrize("smoothing", [0.0, 0.8])
def test_a_curve_is_the_smoothed_mean_over_models_with_the_population_std(
    add: Add, registry: Registry, smoothing: float
) -> None:
    models = [[0.1, 0.5, 0.9], [0.2, 0.7, 0.8], [0.3, 0.6]]
    run = add(registry.spec("mnist-fcn", overrides={"n_models": 3}), models, status="interrupted")
    epoch_E, mean_E, std_E = accuracy_by_epoch(run, smoothing)
    assert epoch_E.tolist() == [0, 1, 2]
    assert mean_E == pytest.approx(smoothed([20, 60, 85], smoothing), abs=1e-10)
    assert std_E == pytest.approx([np.std(v) for v in ([10, 20, 30], [50, 70, 60], [90, 80])], abs=1e-10)


def check_numbers(canvas: Canvas, figure: Figure, curves: list[Curve], runs: list[RunRecord]) -> None:
    assert len(canvas.axes) == len(figure.panels)
    for index, ax in enumerate(canvas.axes):
        mine = [run for c, run in zip(curves, runs, strict=True) if c.panel == index]
        for line, run in zip(data_lines(ax), mine, strict=True):
            epoch_E, accuracy_E = numbers(line)
            stored = [[100 * e.test_accuracy for e in model.epochs] for model in run.models]
            expected = smoothed(np.mean(stored, axis=0).tolist(), figure.style.smoothing)
            assert epoch_E.tolist() == [e.epoch for e in run.models[0].epochs]
            assert accuracy_E == pytest.approx(expected, abs=1e-9)


def test_every_line_carries_exactly_the_stored_numbers(registry: Registry, fig4_store: Store) -> None:
    figure = registry.figure("fig4")
    check_numbers(draw(registry, fig4_store, figure), figure, registry.curves(figure), fig4_store.runs())


def test_several_models_are_drawn_as_their_mean(registry: Registry, store: Store) -> None:
    figure = registry.figure("demo")
    curves = registry.curves(figure, {"n_models": 2})
    runs = fill(store, curves)
    check_numbers(draw(registry, store, figure, {"n_models": 2}), figure, curves, runs)


def test_lines_look_as_in_the_papers(registry: Registry, fig4_store: Store) -> None:
    figure = registry.figure("fig4")
    curves = registry.curves(figure)
    for index, ax in enumerate(draw(registry, fig4_store, figure).axes):
        mine = [c for c in curves if c.panel == index]
        for line, curve in zip(data_lines(ax), mine, strict=True):
            dashes, marker = {"fp-sgd": ("-.", "s"), "analog-sgd": ("--", "o"), "tt-v1": ("-", "^")}[curve.setting]
            assert (line.get_linestyle(), line.get_marker()) == (dashes, marker)
            tau = figure.panels[index].tau
            assert line.get_color() == (DIGITAL if curve.tau is None else COLOURS[tau.index(curve.tau)])


def test_published_means_are_drawn_over_the_epochs_that_they_are_means_of(
    registry: Registry, fig4_store: Store
) -> None:
    figure = registry.figure("fig4")
    choices = choose(registry.curves(figure), fig4_store.runs())
    for index, ax in enumerate(draw_figure(figure, choices, {}, registry.published).axes):
        mine = [choice.curve.spec for choice in choices if choice.curve.panel == index]
        known = [value.value for spec in mine if (value := registry.published(spec))]
        assert known
        faint = [numbers(line) for line in ax.lines if line.get_alpha()]
        assert [float(y[0]) for _, y in faint] == known
        assert all(x.tolist() == [25.5, 30.5] for x, _ in faint)


def test_settings_can_be_told_apart_without_colour() -> None:
    assert len(set(METHOD_STYLES.values())) == len(METHOD_STYLES)
    assert len({*COLOURS, DIGITAL}) == len(COLOURS) + 1


def test_the_legend_names_taus_and_methods_that_are_drawn(registry: Registry, fig4_store: Store) -> None:
    fcn, cnn = draw(registry, fig4_store, registry.figure("fig4")).axes
    methods = ["Digital SGD", "Analog SGD", "Tiki-Taka v1"]
    for ax, taus in ((fcn, (0.5, 0.6, 0.7)), (cnn, (0.6, 0.7, 0.8))):
        legend = ax.get_legend()
        assert legend is not None
        # Column by column: a tau in the first row, a method below it.
        shown = [text.get_text() for text in legend.get_texts()]
        assert shown[0::2] == [f"τ = {tau:g}" for tau in taus]
        assert shown[1::2] == methods


def test_one_stored_run_is_one_panel_with_one_line(registry: Registry, store: Store) -> None:
    figure = registry.figure("fig4")
    only = [c for c in registry.curves(figure) if (c.panel, c.setting, c.tau) == (1, "tt-v1", 0.7)]
    fill(store, only)
    (ax,) = draw(registry, store, figure).axes
    assert ax.get_title() == "CNN"
    assert len(data_lines(ax)) == 1
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["τ = 0.7", "Tiki-Taka v1"]


def insets(ax: Axes) -> list[Axes]:
    return [child for child in ax.child_axes if isinstance(child, Axes)]


def test_the_inset_enlarges_the_end_and_carries_the_same_numbers(registry: Registry, fig4_store: Store) -> None:
    figure = registry.figure("fig4")
    ax = draw(registry, fig4_store, figure).axes[0]
    (small,) = insets(ax)
    inset = figure.panels[0].inset
    assert inset is not None
    assert small.get_xlim() == inset.epochs
    assert small.get_ylim() == inset.accuracy
    for line, same in zip(data_lines(ax), data_lines(small), strict=True):
        assert np.array_equal(numbers(line), numbers(same))
        assert (line.get_color(), line.get_linestyle()) == (same.get_color(), same.get_linestyle())


def test_an_inset_that_would_be_empty_is_left_out(add: Add, registry: Registry, store: Store) -> None:
    figure = registry.figure("fig4")
    short = {"task.epochs": 4, "device.tau": 0.6}
    fill(store, registry.curves(figure, short))
    assert all(not insets(ax) for ax in draw(registry, store, figure, short).axes)
    curve = registry.curves(figure)[0]
    bad = [0.1] * (curve.spec.task.epochs + 1)
    add(curve.spec, [bad])
    assert not insets(draw(registry, store, figure).axes[0])


def test_the_inset_keeps_clear_of_the_lines(add: Add, registry: Registry, store: Store) -> None:
    # A line that stays at chance runs where the inset would lie if it had one place only.
    figure = registry.figure("exact/fig5")
    curve = next(c for c in registry.curves(figure) if c.setting == "tt-v1")
    epochs = curve.spec.task.epochs
    late = [0.1] * (epochs - 30) + np.linspace(0.1, 0.975, 10).tolist() + [0.975] * 21
    add(curve.spec, [late])
    ax = draw(registry, store, figure).axes[0]
    (small,) = insets(ax)
    box = small.get_position()
    line = data_lines(ax)[0]
    at_P2 = ax.figure.transFigure.inverted().transform(ax.transData.transform(np.column_stack(numbers(line))))
    inside = [box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1 for x, y in at_P2]
    assert not any(inside)


def test_a_spread_is_drawn_only_where_there_is_one(registry: Registry, store: Store) -> None:
    figure = registry.figure("demo")
    single, several = registry.curves(figure)[:2], registry.curves(figure, {"n_models": 2})[:2]
    fill(store, single)
    assert len(draw(registry, store, figure).axes[0].collections) == 0
    fill(store, several)
    assert len(draw(registry, store, figure, {"n_models": 2}).axes[0].collections) == 2


def test_any_runs_can_be_drawn_together(registry: Registry, store: Store) -> None:
    runs = fill(store, registry.curves(registry.figure("demo")))
    labels = ["one", "two with a label that is so long that it would not fit below a panel in one line, tau 0.7", "3"]
    (ax,) = draw_runs(runs, labels).axes
    lines = data_lines(ax)
    assert len({line.get_color() for line in lines}) == 3
    for line, run in zip(lines, runs, strict=True):
        assert numbers(line)[1] == pytest.approx([100 * e.test_accuracy for e in run.models[0].epochs], abs=1e-9)
    legend = ax.get_legend()
    assert legend is not None
    assert [" ".join(text.get_text().split()) for text in legend.get_texts()] == labels


def test_no_two_of_many_runs_are_drawn_alike(add: Add, registry: Registry) -> None:
    spec = registry.spec("digits-fcn", overrides={"task.epochs": 2})
    runs = [add(spec, [[0.1, 0.5, 0.6]]) for _ in range(3 * len(COLOURS))]
    (ax,) = draw_runs(runs, [str(i) for i in range(len(runs))]).axes
    assert len({(line.get_color(), line.get_marker()) for line in data_lines(ax)}) == len(runs)


def test_a_single_epoch_and_a_single_point_can_be_drawn(add: Add, registry: Registry) -> None:
    spec = registry.spec("digits-fcn", overrides={"task.epochs": 0})
    (ax,) = draw_runs([add(spec, [[0.1]])], ["untrained"]).axes
    assert numbers(data_lines(ax)[0])[1].tolist() == [10.0]


@pytest.mark.parametrize("suffix", MAGIC)
def test_a_picture_is_written_and_the_same_numbers_give_the_same_file(
    registry: Registry, store: Store, tmp_path: Path, suffix: str
) -> None:
    figure = registry.figure("demo")
    fill(store, registry.curves(figure))
    paths = [save(draw(registry, store, figure), tmp_path / str(i) / "new", "demo", [suffix])[0] for i in range(2)]
    assert paths[0].name == f"demo.{suffix}"
    assert paths[0].read_bytes().startswith(MAGIC[suffix])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_text_in_pictures_stays_text(registry: Registry, store: Store, tmp_path: Path) -> None:
    figure = registry.figure("demo")
    fill(store, registry.curves(figure))
    (path,) = save(draw(registry, store, figure), tmp_path, "demo", ["svg"])
    assert "Tiki-Taka v1</text>" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("runs", ["all", "one"])
def test_the_picture_is_not_squeezed_by_its_legend(
    registry: Registry, fig4_store: Store, tmp_path: Path, runs: str
) -> None:
    figure = registry.figure("fig4")
    titles = {name: setting.title for name, setting in registry.protocols[figure.protocol].settings.items()}
    choices = choose(registry.curves(figure), fig4_store.runs())
    canvas = draw_figure(figure, choices if runs == "all" else choices[2:3], titles, lambda spec: None)
    (path,) = save(canvas, tmp_path, "fig4", ["png"])
    height, width = matplotlib.image.imread(path).shape[:2]
    assert height > 400
    assert width > 500 * len(canvas.axes)
    for ax in canvas.axes:
        box = ax.get_position()
        assert box.width > 0.7 / len(canvas.axes)
        assert box.height > 0.5


def test_every_point_of_a_grid_has_a_colour_of_its_own_and_is_named(registry: Registry, store: Store) -> None:
    figure = registry.figure("multitile/fig3")
    curves = registry.curves(figure, {"task.epochs": 2})
    fill(store, [curve for curve in curves if curve.point.get("device.states") != 20])
    (ax,) = draw(registry, store, figure, {"task.epochs": 2}).axes
    colours = [line.get_color() for line in data_lines(ax)]
    # The colour of what is not stored yet is kept for it.
    assert colours == [DIGITAL, COLOURS[0], *COLOURS[2:5]]
    legend = ax.get_legend()
    assert legend is not None
    named = [text.get_text() for text in legend.get_texts() if text.get_text().startswith("states")]
    assert sorted(named) == ["states 10", "states 100", "states 40", "states 400"]
