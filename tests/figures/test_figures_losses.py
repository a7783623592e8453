"""Figures of losses: what is drawn is what is stored, on axes that can be read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from figures_kit import Add, fill
from matplotlib.figure import Figure as Canvas

from analogcli.figures.losses import by_epoch, draw_figure, draw_runs
from analogcli.figures.selection import choose
from analogcli.registry import Registry
from analogcli.spec import RunSpec
from analogcli.store import Store


def draw(registry: Registry, store: Store, name: str, overrides: dict[str, Any] | None = None) -> Canvas:
    """Draw a figure from all that is stored."""
    figure = registry.figure(name)
    titles = {name: setting.title for name, setting in registry.protocols[figure.protocol].settings.items()}
    return draw_figure(figure, choose(registry.curves(figure, overrides), store.runs()), titles)


def points(line: Any) -> np.ndarray:
    """Return what a line is drawn through [points, 2]."""
    return np.column_stack([line.get_xdata(), line.get_ydata()])


def labels(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def regression(registry: Registry, **overrides: Any) -> RunSpec:
    return registry.spec("aihwkit-01", overrides={"task.epochs": 4} | overrides)


NONE: Sequence[None] = [None] * 5
"""Accuracies of a run that predicts numbers."""


def test_a_classification_has_losses_of_both_sets_and_the_error_beside_them(registry: Registry, store: Store) -> None:
    runs = fill(store, registry.curves(registry.figure("aihwkit-04")))
    losses, errors = draw(registry, store, "aihwkit-04").axes
    assert labels(losses) == [
        *("Analog SGD, training", "Analog SGD, validation", "Digital SGD, training", "Digital SGD, validation")
    ]
    assert labels(errors) == ["Analog SGD", "Digital SGD"]
    epochs = runs[0].models[0].epochs
    training, validation = losses.get_lines()[:2]
    assert points(training) == pytest.approx(np.array([(e.epoch, e.train_loss) for e in epochs[1:]]))
    assert points(validation) == pytest.approx(np.array([(e.epoch, e.test_loss) for e in epochs]))
    assert points(errors.get_lines()[0]) == pytest.approx(
        np.array([(e.epoch, 100 * (1 - e.test_accuracy)) for e in epochs])
    )
    assert losses.get_yscale() == errors.get_yscale() == "log"
    assert errors.get_ylabel() == "Test error [%]"


def test_numbers_to_predict_have_a_loss_and_no_error(registry: Registry, add: Add, store: Store) -> None:
    add(regression(registry), [NONE])
    (ax,) = draw(registry, store, "aihwkit-01", {"task.epochs": 4}).axes
    assert labels(ax) == ["Analog SGD"]
    assert ax.get_ylabel() == "Training loss"
    assert points(ax.get_lines()[0])[:, 0].tolist() == [1, 2, 3, 4]


def test_several_models_are_a_mean_with_a_band(registry: Registry, add: Add) -> None:
    run = add(regression(registry, n_models=2), [NONE, NONE])
    epoch_E, mean_E, std_E = by_epoch(run, "train_loss")
    assert epoch_E.tolist() == [1, 2, 3, 4]
    assert mean_E == pytest.approx([2.3 / (1 + e) for e in epoch_E])
    assert not std_E.any()


def test_any_runs_can_be_drawn_together(registry: Registry, add: Add) -> None:
    runs = [add(regression(registry, seed=seed), [NONE]) for seed in (0, 1)]
    long = "aihwkit-01 analog-sgd, seed 1, with a label that needs a line of its own"
    (ax,) = draw_runs(runs, ["first", long]).axes
    assert [" ".join(label.split()) for label in labels(ax)] == ["first", long]
    assert len({line.get_color() for line in ax.get_lines()}) == 2


def test_a_run_that_has_not_learnt_yet_can_be_drawn(registry: Registry, add: Add) -> None:
    (ax,) = draw_runs([add(regression(registry, **{"task.epochs": 0}), [[None]])], ["untrained"]).axes
    assert len(points(ax.get_lines()[0])) == 0
