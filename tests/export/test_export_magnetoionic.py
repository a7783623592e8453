"""Double devices as the authors' files, name by name and key by key, and such files back in the store."""

import json
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from analogcli.errors import UsageError
from analogcli.export.seed import export_seed
from analogcli.export.seed_import import import_simulation, simulations
from analogcli.registry import load
from analogcli.spec import ExecutionOptions
from analogcli.store import RunRecord, Store

REGISTRY = load()
OVERRIDES = {
    "n_models": 2,
    "task.epochs": 2,
    "task.dataset": "mnist5k",
    "task.model.hidden": [16],
    "algorithm.resistor_noise": 0.015,
    "algorithm.clipping": 0.1,
    "algorithm.var": 0.2,
}
KEYS = [
    *("task", "seed", "padding", "batch_size", "layers", "epochs", "input_scale", "voltage_noise", "resistor_noise"),
    *("time_switch", "init", "optimizer", "optimizer_parameters", "criterion", "loss", "accuracy", "swap_accuracy"),
]


def new_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(str(tmp_path_factory.mktemp("store") / "analog.db"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, RunRecord]:
    """A small run of two models of linear devices."""
    from analogcli.cli.progress import ProgressView
    from analogcli.training import train

    store = new_store(tmp_path_factory)
    spec = REGISTRY.spec("magnetoionic-mnist", setting="double-linear", overrides=OVERRIDES)
    with ProgressView(quiet=True) as view:
        return store, train(store, spec, ExecutionOptions(), view)


def test_files_are_named_and_written_as_the_authors_do(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    store, run = trained
    written = {path.name: path for path in export_seed(store, run, list(run.models), tmp_path)}
    name = next(iter(written.values())).parent.name
    assert re.fullmatch(
        r"\d{14}-mnist5k-double-linear-1000\.0-var-0\.2-clipping-0\.1-resistor-0\.015-voltage-1\.5e-06", name
    )
    assert set(written) == {
        f"{name}-{i}{end}" for i in (0, 1) for end in (".pth", "-accuracies.pth", "-gradients.pth", ".json")
    }
    state = torch.load(written[f"{name}-1.pth"], weights_only=True)
    theirs = nn.Sequential(
        nn.Flatten(),
        nn.Linear(1024, 16),
        nn.BatchNorm1d(16, affine=False),
        nn.ReLU(),
        nn.Linear(16, 10),
        nn.BatchNorm1d(10, affine=False),
    )
    shapes = {f"layers.{key}": value.shape for key, value in theirs.state_dict().items() if "bias" not in key}
    doubled = {
        key.replace(".weight", f".weight{number}"): shape for key, shape in shapes.items() for number in ("1", "2")
    }
    assert {key: value.shape for key, value in state.items()} == doubled
    assert state["layers.2.num_batches_tracked"].dtype == torch.int64
    assert int(state["layers.2.num_batches_tracked"]) == 2 * 32
    first = state["layers.1.weight2"] - state["layers.1.weight1"]
    outside = first.view(16, 32, 32).clone()
    outside[:, 2:-2, 2:-2] = 0
    assert float(outside.abs().max()) <= 0.01 + 1e-6
    assert float(first.abs().max()) <= 0.567 + 1e-6


def test_settings_and_series_are_the_authors(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    store, run = trained
    for path in (p for p in export_seed(store, run, list(run.models), tmp_path) if p.suffix == ".json"):
        model = run.models[int(path.stem[-1])]
        settings = json.loads(path.read_text(encoding="utf-8"))
        assert list(settings)[: len(KEYS)] == KEYS
        assert settings["seed"] == 100 and settings["layers"] == [16] and settings["padding"] == 2
        assert list(settings["optimizer_parameters"]) == ["lr", "field", "scale", "device_variability", "clipping"]
        assert settings["accuracy"] == 100 * (model.epochs[-1].test_accuracy or 0)
        assert 0 < settings["swap_accuracy"] < 100
        accuracies, gradients = (
            torch.load(path.with_name(f"{path.stem}-{what}.pth"), weights_only=True)
            for what in ("accuracies", "gradients")
        )
        assert accuracies.tolist() == pytest.approx([e.test_accuracy for e in model.epochs[1:]])
        assert gradients.tolist() == pytest.approx([1000 * (e.mean_abs_gradient or 0) for e in model.epochs[1:]])


def test_what_was_exported_comes_back_and_goes_out_again_the_same(
    trained: tuple[Store, RunRecord], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store, run = trained
    written = export_seed(store, run, list(run.models), tmp_path / "one")
    other = new_store(tmp_path_factory)
    (simulation,) = simulations(tmp_path / "one")
    back, new = import_simulation(other, REGISTRY, simulation)
    assert new and back.status == "finished"
    assert back.spec.hash == run.spec.hash
    for mine, theirs in zip(run.models, back.models, strict=True):
        assert mine.seed == theirs.seed
        assert [e.test_accuracy for e in theirs.epochs] == pytest.approx([e.test_accuracy for e in mine.epochs[1:]])
        assert [e.mean_abs_gradient for e in theirs.epochs] == pytest.approx(
            [e.mean_abs_gradient for e in mine.epochs[1:]]
        )
    again = export_seed(other, back, list(back.models), tmp_path / "two")
    for before, after in zip(written, again, strict=True):
        assert before.name == after.name
        if before.suffix == ".pth":
            first, second = (torch.load(path, weights_only=True) for path in (before, after))
            torch.testing.assert_close(first, second)
    assert import_simulation(other, REGISTRY, simulation) == (back, False)


def test_a_folder_without_simulations_and_a_damaged_one_are_refused(
    trained: tuple[Store, RunRecord], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(UsageError, match="holds no simulation of double devices"):
        simulations(tmp_path)
    store, run = trained
    written = export_seed(store, run, list(run.models), tmp_path)
    written[0].write_bytes(b"no weights")
    (simulation,) = simulations(tmp_path)
    other = new_store(tmp_path_factory)
    with pytest.raises(UsageError, match=r"-0\.pth cannot be read"):
        import_simulation(other, REGISTRY, simulation)
    assert other.runs() == []
