"""The number of a run in a table is the papers': mean over models and the last five epochs ± std over models."""

from statistics import fmean, pstdev

import pytest
from figures_kit import Add

from analogcli.figures.comparison import changed_fields, compare
from analogcli.figures.summary import summarise
from analogcli.registry import Registry

UNTRAINED = 0.1


def test_one_model_is_the_mean_of_its_last_five_epochs(add: Add, registry: Registry) -> None:
    summary = summarise(add(registry.spec("mnist-fcn"), [[UNTRAINED, 0.2, 0.8, 0.85, 0.9, 0.95, 0.99]]))
    assert summary.mean == pytest.approx(fmean([0.8, 0.85, 0.9, 0.95, 0.99]), abs=1e-12)
    assert (summary.std, summary.final, summary.n_models, summary.n_epochs) == (None, 0.99, 1, 5)
    assert "mean of the last 5 epochs 89.80 %" in summary.text()


def test_the_untrained_epoch_never_counts(add: Add, registry: Registry) -> None:
    summary = summarise(add(registry.spec("mnist-fcn"), [[UNTRAINED, 0.8, 0.9]]))
    assert summary.mean == pytest.approx(0.85, abs=1e-12)
    assert summary.n_epochs == 2


def test_several_models_give_the_std_of_an_epoch_as_a_mean_over_epochs(add: Add, registry: Registry) -> None:
    models = [[UNTRAINED, 0.90, 0.92], [UNTRAINED, 0.94, 0.96], [UNTRAINED, 0.95, 0.99]]
    spec = registry.spec("mnist-fcn", overrides={"n_models": 3})
    summary = summarise(add(spec, models))
    means = [fmean(m[1:]) for m in models]
    assert summary.mean == pytest.approx(fmean(means), abs=1e-12)
    assert summary.std == pytest.approx(fmean([pstdev([0.90, 0.94, 0.95]), pstdev([0.92, 0.96, 0.99])]), abs=1e-12)
    assert summary.final == pytest.approx(fmean([0.92, 0.96, 0.99]), abs=1e-12)
    assert "mean of the last 2 epochs 94.33 ± 2.51 % (3 models)" in summary.text()


@pytest.mark.parametrize("behind", [[], [UNTRAINED], [UNTRAINED, 0.3]])
def test_models_that_are_behind_do_not_pull_the_mean_down(add: Add, registry: Registry, behind: list[float]) -> None:
    spec = registry.spec("mnist-fcn", overrides={"n_models": 2})
    summary = summarise(add(spec, [[UNTRAINED, 0.8, 0.9], behind], status="interrupted"))
    assert summary.mean == pytest.approx(0.85, abs=1e-12)
    assert (summary.std, summary.n_models) == (None, 1)


def test_an_untrained_run_says_so(add: Add, registry: Registry) -> None:
    summary = summarise(add(registry.spec("mnist-fcn"), [[UNTRAINED]]))
    assert (summary.mean, summary.n_epochs) == (UNTRAINED, 0)
    assert summary.text() == "10.00 % untrained"


def test_a_run_without_numbers_has_none(add: Add, registry: Registry) -> None:
    summary = summarise(add(registry.spec("mnist-fcn"), []))
    assert (summary.mean, summary.std, summary.final, summary.n_models) == (None, None, None, 0)
    assert summary.text() == "none yet"


def test_a_comparison_shows_only_what_differs(add: Add, registry: Registry) -> None:
    runs = [
        add(registry.spec("mnist-fcn", setting="analog-sgd", overrides={"device.tau": tau}), [[0.1, 0.9]])
        for tau in (0.6, 0.7)
    ]
    fields = changed_fields(runs)
    assert [set(f) for f in fields] == [{"device.tau", "device.dw_min"}] * 2
    assert [f["device.tau"] for f in fields] == [0.6, 0.7]


def test_a_field_that_only_some_runs_have_is_shown_where_those_differ(add: Add, registry: Registry) -> None:
    specs = [registry.spec("mnist-fcn", setting="fp-sgd", overrides={"task.lr": 0.05})]
    over = [{"device.tau": tau, "device.dw_min": 0.001, "backend": "native"} for tau in (0.6, 0.7)]
    specs += [registry.spec("mnist-fcn", setting="analog-sgd", overrides=o) for o in over]
    fields = changed_fields([add(spec, [[0.1, 0.9]]) for spec in specs])
    assert [f.get("device.tau") for f in fields] == [None, 0.6, 0.7]
    # The setting's name already says the algorithm; a device that all analog runs share distinguishes none of them.
    assert set(fields[0]) == {"backend", "device.tau"}


def test_a_value_and_its_absence_differ(add: Add, registry: Registry) -> None:
    over = {"device.construction_seed": 10}
    specs = [registry.spec("mnist-fcn", setting="analog-sgd", overrides=o) for o in ({}, over)]
    fields = changed_fields([add(spec, [[0.1, 0.9]]) for spec in specs])
    assert fields == [{"device.construction_seed": None}, {"device.construction_seed": 10}]


def test_equal_runs_differ_in_nothing(add: Add, registry: Registry) -> None:
    spec = registry.spec("mnist-fcn")
    assert changed_fields([add(spec, [[0.1, 0.9]]) for _ in range(2)]) == [{}, {}]


def test_published_values_stand_beside_ours_only_when_asked_for(add: Add, registry: Registry) -> None:
    spec = registry.spec("mnist-fcn", setting="tt-v1", overrides={"device.tau": 0.6})
    other = registry.spec("mnist-fcn", setting="tt-v1", overrides={"device.tau": 0.65})
    runs = [add(spec, [[0.1, 0.975]]), add(other, [[0.1, 0.975]]), add(spec, [])]
    assert all(row.published is None and row.difference is None for row in compare(runs, registry))
    same, unlike, empty = compare(runs, registry, published=True)
    assert same.published is not None
    assert same.published.value == 97.0
    assert same.difference == pytest.approx(0.5, abs=1e-9)
    assert unlike.published is None
    assert empty.published is not None
    assert empty.difference is None
