"""Tables of the papers and figures against a field: every value in its place, ours beside theirs."""

import csv
import io
import json
from collections.abc import Callable, Sequence

import pytest
from command_kit import Done
from figures_kit import add_run

from analogcli.figures import against
from analogcli.figures.selection import choose
from analogcli.figures.table import cells
from analogcli.registry import Curve, load
from analogcli.store import Store

pytestmark = pytest.mark.usefixtures("workspace")

REGISTRY = load()
TABLES = [figure for figure in REGISTRY.figures.values() if figure.kind == "table"]
AGAINST = [figure for figure in REGISTRY.figures.values() if figure.kind == "against"]


def store_runs(curves: Sequence[Curve]) -> Store:
    store = Store.open(None)
    for i, curve in enumerate(curves):
        add_run(
            store, curve.spec.model_copy(update={"n_models": 2}), [[0.1] + [0.9 + 0.001 * i] * 5, [0.1] + [0.9] * 5]
        )
    return store


ABLATIONS = ("response/table-responses", "response/table-cycle")
"""Their own numbers are not known; some of their runs are those of another figure, whose numbers are."""


@pytest.mark.parametrize("figure", TABLES, ids=lambda figure: figure.id)
def test_every_run_of_a_table_has_a_cell_of_its_own_with_its_published_value(figure) -> None:  # type: ignore[no-untyped-def]
    curves = REGISTRY.curves(figure)
    found = cells(figure, choose(curves, []), REGISTRY)
    assert len({(cell.row, cell.column) for cell in found}) == len(curves)
    assert all(cell.summary is None for cell in found)
    if figure.id in ABLATIONS:
        return
    # Where a table has runs beside the published ones, they are those of a whole setting.
    printed = {cell.choice.curve.setting: cell.published is not None for cell in found}
    assert any(printed.values())
    assert all((cell.published is not None) == printed[cell.choice.curve.setting] for cell in found)


def test_a_table_shows_published_values_before_anything_is_stored(analog: Callable[..., Done]) -> None:
    done = analog("compare", "table2", "--published", "--md")
    assert done.code == 0, done.err
    assert "| CIFAR-10, resnet18 | – (93.03) | – (93.58) | – (93.74) |" in done.out
    assert "9 of 9 runs are not stored; `analog sweep exact/table2` makes them" in done.err
    assert "arXiv 2406.12774, table 2" in done.err


def test_a_table_puts_ours_before_theirs(analog: Callable[..., Done]) -> None:
    figure = REGISTRY.figure("response/table-resnet")
    curves = REGISTRY.curves(figure)[:2]
    store_runs(curves)
    done = analog("compare", "table-resnet", "--published", "--json")
    records = json.loads(done.out)
    assert len(records) == 30
    stored = [record for record in records if record["run"]]
    assert [(r["row"], r["column"], r["mean of last 5 [%]"], r["± std"]) for r in stored] == [
        ("CIFAR-10, resnet18", "Digital SGD", 90.0, 0.0),
        ("CIFAR-10, resnet34", "Digital SGD", 90.05, 0.05),
    ]
    assert [r["published [%]"] for r in stored] == [95.43, 96.48]
    # They are of 5 epochs instead of 100, which the notes say: a difference would compare what is not alike.
    assert [r["difference"] for r in stored] == [None, None]
    assert "28 of 30 runs are not stored" in analog("compare", "table-resnet").err
    as_csv = list(csv.DictReader(io.StringIO(analog("compare", "table-resnet", "--csv").out)))
    assert len(as_csv) == 30 and "published [%]" not in as_csv[0]


def test_a_table_cannot_be_drawn_and_says_how_it_is_printed(analog: Callable[..., Done]) -> None:
    done = analog("plot", "table2", "--store", str(Store.open(None).location.address))
    assert done.code == 2
    assert done.err.strip().endswith("exact/table2 is a table; `analog compare exact/table2 --published` prints it")


@pytest.mark.parametrize("figure", AGAINST, ids=lambda figure: figure.id)
def test_a_figure_against_a_field_has_every_run_as_a_point_of_a_line_or_as_a_level(figure) -> None:  # type: ignore[no-untyped-def]
    curves = REGISTRY.curves(figure)
    store = store_runs(curves[:4])
    choices = choose(curves, store.runs())
    for index, panel in enumerate(figure.panels):
        lines = against.lines(figure, index, choices, REGISTRY)
        levels = against.levels(figure, index, choices, REGISTRY)
        values = sorted(list(panel.grid.values())[-1])
        assert all([point.x for point in points] == values for points in lines.values())
        assert len(lines) * len(values) + len(levels) == sum(curve.panel == index for curve in curves)
    canvas = against.draw_figure(figure, choices, REGISTRY)
    assert [ax.get_title() for ax in canvas.axes] == [panel.title for panel in figure.panels]
    shown = [text.get_text() for legend in canvas.legends for text in legend.get_texts()]
    assert shown and len(shown) == len(set(shown))


def test_the_weight_of_the_fast_array_has_a_line_for_each_network_with_the_published_values() -> None:
    figure = REGISTRY.figure("response/fig-gamma")
    curves = REGISTRY.curves(figure)
    store = store_runs(curves[:4])
    choices = choose(curves, store.runs())
    for index in range(len(figure.panels)):
        lines = against.lines(figure, index, choices, REGISTRY)
        assert list(lines) == ["resnet18", "resnet34", "resnet50"]
        assert all(point.published is not None for points in lines.values() for point in points)
    first = against.lines(figure, 0, choices, REGISTRY)["resnet18"]
    assert first[0].published == 93.13
    assert [point.mean for point in first[:4]] == pytest.approx([90.0, 90.05, 90.1, 90.15])
    assert first[4].mean is None


def test_settings_without_the_field_are_levels_with_the_published_one_beside_ours() -> None:
    figure = REGISTRY.figure("multitile/tiles")
    curves = REGISTRY.curves(figure)
    store = store_runs([curve for curve in curves if curve.setting == "mp"])
    choices = choose(curves, store.runs())
    levels = against.levels(figure, 0, choices, REGISTRY)
    assert list(levels) == ["Digital SGD", "Analog SGD", "Tiki-Taka v1", "Tiki-Taka v2", "Mixed precision"]
    assert levels["Mixed precision"] == against.Level(pytest.approx(90.0), 99.13)
    assert levels["Tiki-Taka v1"] == against.Level(None, 78.65)
    assert levels["Digital SGD"] == against.Level(None, None)
    points = against.lines(figure, 0, choices, REGISTRY)["Multi-tile residual learning"]
    assert [(point.x, point.published) for point in points] == [(2, None), (3, 95.07), (4, 97.1), (6, 98.53), (8, None)]
    first = against.draw_figure(figure, choices, REGISTRY).axes[0]
    assert [line.get_ydata()[0] for line in first.lines[:4]] == pytest.approx([78.65, 95.43, 90.0, 99.13])
