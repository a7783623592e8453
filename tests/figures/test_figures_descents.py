"""From a sweep of a least-squares figure to its picture and the numbers behind it, and responses without any run."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from command_kit import Done
from matplotlib.lines import Line2D

from analogcli.figures import descents, responses
from analogcli.figures.selection import ONE_SPEC, Choice, choose
from analogcli.registry import Registry
from analogcli.spec import RunSpec
from analogcli.store import EpochRecord, ModelEpoch, Store

DESCENTS = ["exact/fig1", "exact/fig3", "exact/fig4-tau", "exact/fig4-sigma", "exact/fig4-init", "response/fig2"]
SHORT = ("--set", "task.iterations=20")


def add(store: Store, spec: RunSpec, errors: list[list[float]]) -> None:
    """Store a descent with these errors of each model."""
    from figures_kit import PROVENANCE

    run_id = store.begin(spec, PROVENANCE, repeatable=True, resolved={})
    for model, error_S in zip(store.run(run_id).models, errors, strict=True):
        file = store.save_state(run_id, model.index, "state", {"w": torch.zeros(1)})
        store.record_epochs([ModelEpoch(model.id, EpochRecord(0, None, 1.0, None, None, None, 0.0), {}, file)])
        record = EpochRecord(1, error_S[-1], error_S[-1], None, 1.0, 0.1, 0.1)
        store.record_epochs([ModelEpoch(model.id, record, {"train_loss": np.array(error_S)}, file)])
    store.end(run_id, "finished")


def chosen(store: Store, registry: Registry, name: str) -> list[Choice]:
    """A figure's lines, each with a descent of its own."""
    curves = registry.curves(registry.figure(name))
    for i, curve in enumerate(curves):
        add(store, curve.spec, [[1.0, 0.1, 0.01 * (i + 1)]] * curve.spec.n_models)
    runs = [run for curve in curves for run in store.runs(spec_hash=curve.spec.hash)]
    return choose(curves, runs, ONE_SPEC)


@pytest.mark.parametrize("name", DESCENTS)
def test_a_figure_draws_every_line_and_names_it(name: str, store: Store, registry: Registry) -> None:
    figure, choices = registry.figure(name), chosen(store, registry, name)
    titles = {n: s.title for n, s in registry.protocols[figure.protocol].settings.items()}
    lines = descents.lines_of(figure, choices, titles, store, lambda spec: None)
    canvas = descents.draw_figure(figure, lines)
    drawn = [line for ax in canvas.axes for line in ax.lines]
    assert len(drawn) == len(choices) == len(lines)
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in canvas.axes[0].lines}
    assert len(looks) == len(canvas.axes[0].lines), "no two lines of a panel look alike"
    (legend,) = canvas.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert len(texts) == len(set(texts))
    handles = {h.get_color() for h in legend.legend_handles if isinstance(h, Line2D)}
    assert {colour for colour, *_ in looks} <= handles, "every colour is explained"


def test_the_average_is_that_of_the_papers_and_the_band_is_over_models(store: Store, registry: Registry) -> None:
    curve = registry.curves(registry.figure("exact/fig1"))[0]
    spec = curve.spec.model_copy(update={"n_models": 2})
    add(store, spec, [[1.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    (line,) = descents.lines_of_runs(store.runs(), ["one"], store)
    mean_S, std_S = line[1].smoothed(0.9)
    np.testing.assert_allclose(mean_S, [2.0, 1.8, 1.62])
    np.testing.assert_allclose(std_S, [1.0, 0.9, 0.81])


def test_an_engine_or_a_fidelity_does_not_stand_in_for_another(store: Store, registry: Registry) -> None:
    curves = registry.curves(registry.figure("exact/fig3"))
    native = next(c for c in curves if c.setting == "analog-sgd")
    add(store, native.spec, [[1.0, 0.5]])
    found = {c.curve.setting for c in choose(curves, store.runs(), ONE_SPEC) if c.run is not None}
    assert found == {"analog-sgd"}


def test_published_plateaus_are_drawn_on_request(store: Store, registry: Registry) -> None:
    figure, choices = registry.figure("exact/fig1"), chosen(store, registry, "exact/fig1")
    titles = {n: s.title for n, s in registry.protocols[figure.protocol].settings.items()}
    lines = descents.lines_of(figure, choices, titles, store, registry.published)
    (ax,) = descents.draw_figure(figure, lines).axes
    plateaus = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    assert sorted(plateaus) == sorted(v.value for t in registry.experiments["squares-lr"].published for v in t.values)


def test_from_a_sweep_to_a_picture_and_its_numbers(analog: Callable[..., Done]) -> None:
    done = analog("sweep", "fig4-sigma", *SHORT)
    assert done.code == 0, done.err
    assert done.err.count("finished  analog run squares-ablation") == 4
    assert "floor" in done.out
    again = analog("sweep", "S3.2-ablation-sigma", *SHORT)
    assert again.out == "all 4 runs are stored\n"
    picture = analog("plot", "exact/fig4-sigma", *SHORT, "--format", "png")
    assert picture.code == 0 and picture.err == ""
    assert Path(picture.out.strip()).read_bytes()[:4] == b"\x89PNG"
    rows = list(csv.DictReader(io.StringIO(analog("plot", "exact/fig4-sigma", *SHORT, "--data", "csv").out)))
    assert len(rows) == 4 * 21
    assert {row["group"] for row in rows} == {"σ² = 0.001", "σ² = 0.01", "σ² = 0.1", "σ² = 1"}
    assert float(rows[0]["error"]) > float(rows[20]["error"]) > 0
    assert len(analog("compare", "exact/fig4-sigma", *SHORT, "--json").json) == 4
    assert analog("compare", "exact/fig4-sigma", "--json").code == 2
    # Without the override the figure asks for other runs, and says with which commands they are made.
    other = analog("plot", "exact/fig4-sigma")
    assert other.code == 2 and other.err.count("missing: ") == 4
    alone = analog("plot", "last", "--format", "png")
    assert alone.code == 0, alone.err
    shown = analog("show", "last")
    assert "mean of the last fifth" in shown.out


def test_a_form_of_data_that_there_is_not_is_refused(analog: Callable[..., Done]) -> None:
    done = analog("plot", "response/fig5", "--data", "xml")
    assert done.code == 2 and "csv" in done.err


def test_responses_need_no_run_and_no_store(analog: Callable[..., Done]) -> None:
    swept = analog("sweep", "response/fig5")
    assert swept.code == 0 and "analog plot response/fig5" in swept.out
    drawn = analog("plot", "response/fig5", "--format", "png")
    assert drawn.code == 0 and Path(drawn.out.strip()).is_file()
    rows = list(csv.DictReader(io.StringIO(analog("plot", "response/fig5", "--data", "csv").out)))
    assert {row["panel"] for row in rows} == {"Power", "Exponential", "Linear"}


def test_responses_are_those_of_the_table_of_equations(registry: Registry) -> None:
    """P25, r = γ_res, v = w/τ: power (1 ∓ v)^r, exponential (e^{r(1 ∓ v)} − 1)/(e^r − 1); F and G from them."""
    for panel in registry.figure("response/fig5").panels:
        for devices in panel.devices:
            w, found = responses.responses(devices)
            kind, r = devices.device["kind"], devices.device.get("gamma_res", 1.0)
            c = devices.device.get("c_lin", 0.0)
            laws = {
                "power": lambda v, r=r: np.maximum(v, 0) ** r,
                "exponential": lambda v, r=r: np.expm1(r * v) / np.expm1(r),
                "linear": lambda v: v,
            }
            up, down = (1 + c) * laws[kind](1 - w), (1 - c) * laws[kind](1 + w)
            expected = {"q₊": up, "q₋": down, "F": (up + down) / 2, "G": (down - up) / 2}
            for name, values in expected.items():
                np.testing.assert_allclose(found[name], values, atol=2e-3, err_msg=f"{panel.title} {name}")
