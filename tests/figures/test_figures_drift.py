"""Accuracy against drift time: the numbers behind the curves, and what is on the axes."""

import numpy as np
import pytest

from analogcli.figures.drift import DriftCurve, by_time, draw_drift
from analogcli.store import BEFORE, InferenceRecord

TIMES = (0.0, 1.0, 20.0, 1e3, 1e5)


def records(*, accuracy: bool = True) -> list[InferenceRecord]:
    found = [InferenceRecord(1, 0, BEFORE, 0.2, 0.95 if accuracy else None)]
    for number, seconds in enumerate(TIMES):
        for repeat, offset in enumerate((-0.01, 0.01)):
            value = 0.94 - 0.02 * number + offset
            found.append(InferenceRecord(1, repeat, seconds, 1 - value, value if accuracy else None))
    return found[::-1]


def curves(*, accuracy: bool = True) -> list[DriftCurve]:
    points = by_time(records(accuracy=accuracy))
    return [DriftCurve("digits-fcn hwa", compensation, points) for compensation in ("global", "none")]


def test_mean_and_population_std_are_over_repeats_and_times_come_in_order() -> None:
    points = by_time(records())
    assert [point.seconds for point in points] == [BEFORE, *TIMES]
    assert [point.n for point in points] == [1, 2, 2, 2, 2, 2]
    assert points[1].accuracy == pytest.approx(0.94)
    assert points[1].accuracy_std == pytest.approx(0.01)
    assert points[-1].loss == pytest.approx(1 - 0.86)
    assert points[0].accuracy_std == 0


def test_a_curve_is_drawn_in_percent_from_time_0_with_a_band_and_the_accuracy_before() -> None:
    ax = draw_drift(curves()).axes[0]
    line = ax.lines[0]
    assert list(line.get_xdata()) == list(TIMES)
    np.testing.assert_allclose(line.get_ydata(), [94, 92, 90, 88, 86])
    assert ax.get_xscale() == "symlog"
    low, high = ax.get_xlim()
    assert low < 0 < 1e5 < high
    band = ax.collections[0].get_paths()[0].get_extents()
    assert (band.y0, band.y1) == pytest.approx((85, 95))
    assert [level.get_ydata()[0] for level in ax.lines if level.get_linestyle() == ":"] == pytest.approx([95, 95])
    assert ax.get_ylabel() == "Test accuracy [%]"


def test_the_legend_says_each_run_once_and_what_the_line_styles_mean() -> None:
    canvas = draw_drift(curves())
    said = [text.get_text() for text in canvas.legends[0].get_texts()]
    assert said == ["digits-fcn hwa", "global drift compensation", "no drift compensation", "before programming"]
    solid, dashed = (line for line in canvas.axes[0].lines if line.get_linestyle() != ":")
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    assert solid.get_color() == dashed.get_color()


def test_without_accuracies_losses_are_drawn() -> None:
    ax = draw_drift(curves(accuracy=False)).axes[0]
    assert ax.get_ylabel() == "Test loss"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.06, 0.08, 0.1, 0.12, 0.14])


@pytest.mark.parametrize("latest", [0.0, 0.5, 1e9])
def test_any_range_of_times_has_readable_ticks(latest: float) -> None:
    points = by_time([InferenceRecord(1, 0, seconds, 0.1, 0.9) for seconds in {0.0, latest}])
    canvas = draw_drift([DriftCurve("a", "none", points)])
    ticks = [label.get_text() for label in canvas.axes[0].get_xticklabels()]
    assert ticks[0] == "0"
    assert len(ticks) <= 8
