"""Histograms of weights and saturation are of the models as they were saved last, on any engine."""

import numpy as np
import pytest
import torch
from figures_kit import PROVENANCE

from analogcli.cli.progress import ProgressView
from analogcli.errors import UsageError
from analogcli.figures.distributions import BINS, Distribution
from analogcli.figures.draw import of_registry
from analogcli.registry import Registry
from analogcli.spec import ExecutionOptions
from analogcli.store import RunRecord, Store
from analogcli.training import train
from analogcli.training.trained import trained

SMALL = {"task.dataset": "mnist5k", "task.epochs": 1, "task.model.hidden": [8], "n_models": 2}


def a_run(store: Store, registry: Registry, setting: str, **fields: object) -> RunRecord:
    spec = registry.spec("mnist-fcn", protocol="exact", setting=setting, overrides=SMALL | fields)
    with ProgressView(quiet=True) as view:
        return train(store, spec, ExecutionOptions(), view)


@pytest.mark.parametrize("setting", ["fp-sgd", "analog-sgd", "tt-v1", "mp"])
def test_the_weights_are_those_of_the_last_checkpoint(setting: str, store: Store, registry: Registry) -> None:
    run = a_run(store, registry, setting)
    (models,) = trained(store, run)
    found = Distribution.of(setting, [models])
    assert len(found.weight_N) == 2 * (784 * 8 + 8 * 10)
    for model, states in zip(run.models, models.state_dict(), strict=True):
        saved = store.saved_state(model)
        assert saved
        tensors = store.load_state(saved)
        assert all(torch.equal(tensors[f"model/{name}"], tensor) for name, tensor in states.items())
    if setting == "fp-sgd":
        assert found.saturation_N is None
    else:
        assert found.saturation_N is not None and len(found.saturation_N) == len(found.weight_N)
        assert 0 <= found.saturation_N.min() < found.saturation_N.max() <= 1 + 1e-6


def test_figure_7_draws_both_and_prints_densities_of_area_1(store: Store, registry: Registry) -> None:
    a_run(store, registry, "fp-sgd")
    a_run(store, registry, "tt-v1", **{"device.tau": 0.7})
    drawn = of_registry(store, registry, registry.figure("fig7"), SMALL)
    left, right = drawn.canvas().axes
    assert len(left.get_legend_handles_labels()[1]) == 2
    assert len(right.get_legend_handles_labels()[1]) == 1, "floating point has no devices"
    assert drawn.numbers
    rows = drawn.numbers()
    assert len(rows) == 3 * BINS
    tiki = [row for row in rows if row["quantity"] == "saturation"]
    assert sum(float(str(row["density"])) * (float(str(row["to"])) - float(str(row["from"]))) for row in tiki) == (
        pytest.approx(1, abs=1e-6)
    )
    assert np.argmax([float(str(row["density"])) for row in tiki]) < BINS / 2


def test_a_model_without_a_checkpoint_is_named(store: Store, registry: Registry) -> None:
    run = a_run(store, registry, "fp-sgd")
    empty = store.begin(run.spec, PROVENANCE, repeatable=True, resolved={})
    with pytest.raises(UsageError, match=r"has no checkpoint of model 0, 1; `analog resume"):
        trained(store, store.run(empty))
