"""Exports say what the store says: the seed's files, CSV, JSON and TensorBoard, read back by other people's readers."""

import csv
import json
import math
import re
from pathlib import Path

import pytest
import torch

from analogcli.errors import UsageError
from analogcli.export.seed import export_seed, simulation_id
from analogcli.export.tables import COLUMNS, export_csv, export_json
from analogcli.export.tensorboard import export_tensorboard
from analogcli.figures.summary import last_epochs_mean
from analogcli.registry import load
from analogcli.spec import ExecutionOptions
from analogcli.store import EpochRecord, ModelEpoch, RunRecord, Store, collect

REGISTRY = load()
SCALARS = {
    "Loss/train": "train_loss",
    "Loss/test": "test_loss",
    "Accuracy/test": "test_accuracy",
    "State/lr": "lr",
    "State/mean_abs_gradient": "mean_abs_gradient",
}
"""What the papers' scripts call the numbers, and the gradient that they do not log."""
OVERRIDES = {"n_models": 2, "task.epochs": 2, "task.model.hidden": [8], "seed": 3}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, RunRecord]:
    """A store with a real, small run of two models: devices, weights, gradients."""
    from analogcli.cli.progress import ProgressView
    from analogcli.training import train

    store = Store.open(str(tmp_path_factory.mktemp("export") / "analog.db"))
    spec = REGISTRY.spec("digits-fcn", setting="analog-sgd", overrides=OVERRIDES)
    with ProgressView(quiet=True) as view:
        return store, train(store, spec, ExecutionOptions(), view)


def numbers(run: RunRecord) -> list[dict[str, object]]:
    """Return what the store knows, one row an epoch and model."""
    return [{"run": run.id, "model": m.index, "seed": m.seed, **e.as_data()} for m in run.models for e in m.epochs]


def test_seed_files_are_named_as_the_simulations_are(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    store, run = trained
    written = export_seed(store, run, list(run.models), tmp_path)
    name = simulation_id(run)
    assert re.fullmatch(r"\d{14}-mnist5k-analog-sgd-0\.05-tau-0\.7", name)
    assert name.startswith(run.created_at.strftime("%Y%m%d%H%M%S"))
    kinds = (".pth", "-accuracies.pth", "-gradients.pth", ".json")
    assert sorted(p.relative_to(tmp_path) for p in written) == sorted(
        Path("simulations") / name / f"{name}-{i}{kind}" for i in (0, 1) for kind in kinds
    )
    assert all(path.is_file() for path in written)


def test_a_floating_point_simulation_has_no_tau_and_a_path_makes_no_folders() -> None:
    from dataclasses import replace

    from analogcli.store.processes import this_process

    now = __import__("datetime").datetime(2025, 1, 2, 3, 4, 5)
    spec = REGISTRY.spec("digits-fcn", setting="fp-sgd", overrides={"task.dataset": "image-folder:/a/b"})
    data = spec.model_dump(mode="json")
    run = RunRecord("x", spec.hash, data, "finished", None, True, {}, now, now, this_process(), (), ())
    assert simulation_id(run) == "20250102030405-image-folder--a-b-fp-sgd-0.05"
    assert simulation_id(replace(run, id="y")) == simulation_id(run)


@pytest.mark.parametrize("index", [0, 1])
def test_seed_files_hold_the_stored_numbers_and_load_without_pickle(
    trained: tuple[Store, RunRecord], tmp_path: Path, index: int
) -> None:
    store, run = trained
    export_seed(store, run, list(run.models), tmp_path)
    stem = tmp_path / "simulations" / simulation_id(run) / f"{simulation_id(run)}-{index}"
    model = run.models[index]
    trained_epochs = [e for e in model.epochs if e.epoch > 0]

    accuracies = torch.load(f"{stem}-accuracies.pth", weights_only=True)
    gradients = torch.load(f"{stem}-gradients.pth", weights_only=True)
    assert accuracies.dtype == gradients.dtype == torch.float32
    assert accuracies.tolist() == torch.tensor([e.test_accuracy for e in trained_epochs]).tolist()
    assert gradients.tolist() == torch.tensor([e.mean_abs_gradient for e in trained_epochs]).tolist()
    assert len(accuracies) == len(gradients) == 2

    weights = torch.load(f"{stem}.pth", weights_only=True)
    assert weights
    assert all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in weights.items())

    settings = json.loads(Path(f"{stem}.json").read_text(encoding="utf-8"))
    expected = {"task": "mnist5k", "seed": 3, "model_seed": 3 + index, "batch_size": 10, "epochs": 2, "lr": 0.05}
    assert {key: settings[key] for key in expected} == expected
    assert settings["accuracy"] == 100 * trained_epochs[-1].test_accuracy
    assert settings["accuracy_last_5"] == 100 * last_epochs_mean(model)
    assert settings["loss"] == trained_epochs[-1].train_loss
    assert (settings["run"], settings["spec_hash"]) == (run.id, run.spec_hash)


def test_the_models_of_an_export_have_different_weights(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    store, run = trained
    written = export_seed(store, run, list(run.models), tmp_path)
    first, second = [torch.load(p, weights_only=True) for p in written if re.search(r"-\d\.pth$", p.name)]
    assert first.keys() == second.keys()
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_an_export_can_be_repeated(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    store, run = trained
    first = {p: p.read_bytes() for p in export_seed(store, run, list(run.models), tmp_path)}
    second = {p: p.read_bytes() for p in export_seed(store, run, list(run.models), tmp_path)}
    assert first == second


def test_models_that_were_not_come_to_are_left_out(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    store, run = trained
    begun = store.begin(run.spec, collect(ExecutionOptions(), "CPU", None, None), repeatable=True, resolved={})
    model = store.run(begun).models[0]
    file = store.save_state(begun, 0, "state", {"model/w": torch.ones(2), "position": torch.zeros(1)})
    for epoch in (0, 1):
        store.record_epochs([ModelEpoch(model.id, EpochRecord(epoch, None, None, 0.5, None, None, 0.1), {}, file)])
    interrupted = store.run(begun)
    written = export_seed(store, interrupted, list(interrupted.models), tmp_path)
    store.delete(begun)
    assert len(written) == 4
    by_kind = {p.name.removeprefix(simulation_id(interrupted)): p for p in written}
    assert torch.equal(torch.load(by_kind["-0.pth"], weights_only=True)["w"], torch.ones(2))
    # A number that was not measured is not 0.
    assert all(map(math.isnan, torch.load(by_kind["-0-gradients.pth"], weights_only=True).tolist()))


def test_csv_has_a_row_for_every_epoch_and_model(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    _, run = trained
    (path,) = export_csv(run, list(run.models), tmp_path / "new")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    expected = [{k: "" if v is None else str(v) for k, v in row.items()} for row in numbers(run)]
    assert rows == expected
    assert len(rows) == 6


def test_json_has_the_same_rows_and_the_spec(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    _, run = trained
    (path,) = export_json(run, list(run.models), tmp_path / "new")
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data == {"run": run.id, "spec_hash": run.spec.hash, "spec": run.spec_data, "epochs": numbers(run)}


def test_only_the_models_that_were_asked_for_are_written(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    _, run = trained
    (path,) = export_json(run, list(run.models[:1]), tmp_path)
    assert {row["model"] for row in json.loads(path.read_text(encoding="utf-8"))["epochs"]} == {0}


def test_tensorboard_reads_the_same_numbers(trained: tuple[Store, RunRecord], tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _, run = trained
    for _ in range(2):  # What is written twice is there once.
        folders = export_tensorboard(run, list(run.models), tmp_path)
    assert len(folders) == 2
    for folder, model in zip(folders, run.models, strict=True):
        events = accumulator.EventAccumulator(str(folder)).Reload()
        assert set(events.Tags()["scalars"]) == set(SCALARS)
        for tag, field in SCALARS.items():
            stored = [(e.epoch, getattr(e, field)) for e in model.epochs if getattr(e, field) is not None]
            read = [(event.step, event.value) for event in events.Scalars(tag)]
            assert [step for step, _ in read] == [step for step, _ in stored]
            assert [value for _, value in read] == pytest.approx([value for _, value in stored], rel=1e-6)


def test_without_tensorboard_the_way_out_is_said(
    trained: tuple[Store, RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    _, run = trained
    with pytest.raises(UsageError, match="pip install tensorboard"):
        export_tensorboard(run, list(run.models), tmp_path)
