"""The magneto-ionic simulations' files: for each model ``.pth``, ``-accuracies.pth``, ``-gradients.pth``, ``.json``.

They are ``simulations/<ID>/<ID>-<i>…`` with ``ID = YYYYmmddHHMMSS-<task>-<setting>-<lr>[-tau-<tau>]``. Accuracies
(fractions; nan where numbers are predicted) and mean absolute gradients are tensors with one number an epoch, the
untrained epoch 0 left out; all files load with ``torch.load(weights_only=True)``. Runs of double devices are written
exactly as the authors' scripts do (:mod:`.magnetoionic`); :mod:`.seed_import` reads them back.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path

import torch

from analogcli.export import magnetoionic
from analogcli.figures.summary import last_epochs_mean
from analogcli.spec import PulsedDevice, RunSpec
from analogcli.store import EpochRecord, ModelRecord, RunRecord, Store
from analogcli.training.checkpoint import model_state


def export_seed(store: Store, run: RunRecord, models: list[ModelRecord], folder: Path) -> list[Path]:
    """Write the files of ``models`` below ``folder`` and return them."""
    double = run.spec.algorithm.kind == "double-device"
    name = simulation_id(run)
    target = folder / "simulations" / name
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for model in models:
        if not model.epochs:  # An interrupted run may not have come to its later models.
            continue
        trained = [e for e in model.epochs if e.epoch > 0]
        stem = f"{name}-{model.index}"
        tensors = {
            f"{stem}.pth": magnetoionic.state_dict(store, run, model) if double else _weights(store, model),
            f"{stem}-accuracies.pth": _numbers(e.test_accuracy for e in trained),
            f"{stem}-gradients.pth": _numbers(map(_raw_pulses if double else _gradient, trained)),
        }
        for file, value in tensors.items():
            torch.save(value, target / file)
        settings = target / f"{stem}.json"
        values = magnetoionic.settings(store, run, model) if double else _settings(run, model)
        settings.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written += [*(target / file for file in tensors), settings]
    return written


def simulation_id(run: RunRecord) -> str:
    """Return the name that the scripts would give the simulation."""
    spec: RunSpec = run.spec
    if spec.algorithm.kind == "double-device":
        return magnetoionic.simulation_id(run)
    tau = f"-tau-{spec.device.tau}" if isinstance(spec.device, PulsedDevice) else ""
    dataset = spec.task.dataset.replace(":", "-").replace("/", "-")
    return f"{run.created_at:%Y%m%d%H%M%S}-{dataset}-{spec.setting}-{spec.task.lr}{tau}"


def _weights(store: Store, model: ModelRecord) -> dict[str, torch.Tensor]:
    saved = store.saved_state(model)
    if saved is None:
        return {}
    return model_state(store.load_state(saved))


def _gradient(epoch: EpochRecord) -> float | None:
    return epoch.mean_abs_gradient


def _raw_pulses(epoch: EpochRecord) -> float | None:
    return None if epoch.mean_abs_gradient is None or epoch.lr is None else epoch.lr * epoch.mean_abs_gradient


def _numbers(values: Iterable[float | None]) -> torch.Tensor:
    return torch.tensor([math.nan if value is None else value for value in values])


def _settings(run: RunRecord, model: ModelRecord) -> dict[str, object]:
    spec, accuracy = run.spec, model.epochs[-1].test_accuracy
    return {
        "task": spec.task.dataset,
        "seed": spec.seed,
        "batch_size": spec.task.batch_size,
        "epochs": spec.task.epochs,
        "lr": spec.task.lr,
        "accuracy": None if accuracy is None else 100 * accuracy,
        "accuracy_last_5": None if accuracy is None or len(model.epochs) < 2 else 100 * last_epochs_mean(model),
        "loss": model.epochs[-1].train_loss,
        "model_seed": model.seed,
        "run": run.id,
        "spec_hash": run.spec_hash,
        "spec": run.spec_data,
    }
