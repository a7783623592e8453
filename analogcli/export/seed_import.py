"""Folders of the magneto-ionic simulations back into the store: spec, accuracies, gradients and devices of each model.

What the files do not say is not invented: there are no training losses but the last, no untrained epoch 0 and no
random streams, so that an imported run can be compared, drawn and exported, and not be trained further.

Axes: O out, I in, without the border of zeros; P in, with it.
"""

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from analogcli.errors import UsageError
from analogcli.export.magnetoionic import BORDER, FIELDS, TASKS, inner_inputs
from analogcli.registry import Registry
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import RELAXED, EpochRecord, ModelEpoch, RunRecord, Store, collect
from analogcli.training.checkpoint import as_checkpoint

NAME = re.compile(r"(?P<id>(?P<time>\d{14})-.+)-(?P<model>\d+)\.json")
RESTORE = "restore it, or leave its simulation out"
EXPERIMENTS = {"mnist": "magnetoionic-mnist", "fashion-mnist": "magnetoionic-fashion-mnist"}


class Learning(BaseModel):
    """``optimizer_parameters`` of a settings file."""

    lr: float
    field: str | list[str] = Field(min_length=1)
    clipping: float
    device_variability: float


class Settings(BaseModel):
    """What is read of a settings file."""

    model_config = ConfigDict(frozen=True)

    task: str
    seed: int
    padding: int = Field(ge=0, le=1000)
    batch_size: int
    layers: list[int]
    epochs: int
    input_scale: float
    voltage_noise: float
    resistor_noise: float
    init: float
    optimizer_parameters: Learning
    loss: float | None
    swap_accuracy: float | None = None
    spec: dict[str, Any] | None = None

    @property
    def field(self) -> str:
        """The law of the devices."""
        field = self.optimizer_parameters.field
        return field if isinstance(field, str) else field[0]


@dataclass(frozen=True)
class Simulation:
    """The files of one simulation: its settings by number of the model."""

    name: str
    folder: Path
    created_at: datetime
    settings: dict[int, Settings]


def simulations(folder: Path) -> list[Simulation]:
    """Return the simulations in ``folder`` and below it.

    Raises:
        UsageError: there are none, a settings file is damaged, or a link leads out of the folder.
    """
    found: dict[Path, Simulation] = {}
    for path in sorted(folder.rglob("*.json")):
        name = NAME.fullmatch(path.name)
        data = _json(path, folder) if name else None
        if name is None or not isinstance(data, dict) or "optimizer_parameters" not in data:
            continue
        try:
            created = datetime.strptime(name["time"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            settings = Settings.model_validate(data)
        except ValidationError as exc:
            what = ".".join(map(str, exc.errors()[0]["loc"]))
            raise UsageError(f"{path} holds no settings ({what}: {exc.errors()[0]['msg']}); {RESTORE}") from exc
        except ValueError as exc:
            raise UsageError(f"{path} does not begin with a moment, YYYYmmddHHMMSS; {RESTORE}") from exc
        simulation = found.setdefault(path.parent / name["id"], Simulation(name["id"], path.parent, created, {}))
        simulation.settings[int(name["model"])] = settings
    if not found:
        raise UsageError(f"{folder} holds no simulation of double devices; give a folder with files <ID>-0.json …")
    return list(found.values())


def import_simulation(store: Store, registry: Registry, simulation: Simulation) -> tuple[RunRecord, bool]:
    """Write a simulation into the store and return its run, and whether it is new there.

    Raises:
        UsageError: a file of it is missing or does not fit the others.
    """
    spec = spec_of(registry, simulation)
    for run in store.runs(spec_hash=spec.hash):
        if run.created_at.replace(microsecond=0) == simulation.created_at:
            if run.status not in ("interrupted", "failed"):
                return run, False
            store.delete(run.id)  # What a killed import has left.
    models = [_read(simulation, index, spec) for index in range(spec.n_models)]
    notes = f"imported from {simulation.folder}"
    provenance = collect(ExecutionOptions(), "not known", None, notes)
    resolved = {"imported": simulation.name}
    run_id = store.begin(spec, provenance, repeatable=False, resolved=resolved, created_at=simulation.created_at)
    for record, (epochs, tensors, series) in zip(store.runs(id=run_id)[0].models, models, strict=True):
        file = store.save_state(run_id, record.index, f"epoch-{len(epochs):04d}", tensors)
        for epoch in epochs:
            last = epoch is epochs[-1]
            store.record_epochs([ModelEpoch(record.id, epoch, series if last else {}, file)])
    store.end(run_id, "finished")
    return store.runs(id=run_id)[0], True


def spec_of(registry: Registry, simulation: Simulation) -> RunSpec:
    """Return the spec of a simulation, from what its first model's settings say."""
    first = simulation.settings[min(simulation.settings)]
    learning, field = first.optimizer_parameters, first.field
    dataset = {theirs: ours for ours, theirs in TASKS.items()}.get(first.task, first.task)
    settings = {theirs: theirs for theirs in FIELDS.values()}
    known = {
        "task.dataset": dataset,
        "task.model.border": first.padding,
        "task.model.hidden": first.layers,
        "task.batch_size": first.batch_size,
        "task.epochs": first.epochs,
        "task.lr": learning.lr,
        "algorithm.clipping": learning.clipping,
        "algorithm.var": learning.device_variability,
        "algorithm.resistor_noise": first.resistor_noise,
        "algorithm.input_scale": first.input_scale,
        "algorithm.init": first.init,
        "seed": first.seed,
        "n_models": len(simulation.settings),
    }
    algorithm = (first.spec or {}).get("algorithm")
    law = algorithm.get("law", field) if isinstance(algorithm, dict) else field
    own = {} if field in settings else {"algorithm.law": law}
    experiment = EXPERIMENTS.get(dataset, EXPERIMENTS["mnist"])
    spec = registry.spec(experiment, setting=settings.get(field), overrides=known | own)
    noise = first.voltage_noise
    if not math.isclose(noise, spec.algorithm.sigma_v, rel_tol=1e-6, abs_tol=1e-15):  # type: ignore[union-attr]
        spec = registry.spec(
            experiment, setting=settings.get(field), overrides=known | own | {"algorithm.voltage_noise": noise}
        )
    return spec


def _read(
    simulation: Simulation, index: int, spec: RunSpec
) -> tuple[list[EpochRecord], dict[str, Tensor], dict[str, np.ndarray]]:
    """Return epochs, state and series of one model."""
    if index not in simulation.settings:
        raise UsageError(f"{simulation.folder / f'{simulation.name}-{index}.json'} is missing; models count from 0")
    settings = simulation.settings[index]
    try:
        accuracies, gradients = (_load(simulation, index, f"-{what}").tolist() for what in ("accuracies", "gradients"))
        lr = spec.task.lr
        epochs = [
            EpochRecord(number, None, None, float(accuracy), float(gradient) / lr, lr, 0.0)
            for number, (accuracy, gradient) in enumerate(zip(accuracies, gradients, strict=True), start=1)
        ]
        state = _state(_load(simulation, index, ""), settings.padding)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as exc:
        raise UsageError(
            f"the files {simulation.folder / simulation.name}-{index}… do not fit each other ({exc}); {RESTORE}"
        ) from exc
    series = {} if settings.loss is None else {"train_loss": np.array([settings.loss])}
    if settings.swap_accuracy is not None:
        series[RELAXED] = np.array([math.nan, settings.swap_accuracy / 100])
    return epochs, state, series


def _state(state: dict[str, Tensor], width: int) -> dict[str, Tensor]:
    """Return a state dict as a checkpoint of ours: the devices of the border apart from the others."""
    tensors = {}
    for name, tensor in state.items():
        tensor = tensor.detach().cpu().contiguous()
        if name.startswith("layers.1.weight"):
            inside_P = _inside(tensor.shape[1], width)
            tensors[f"{BORDER}{name[-1]}"] = tensor[:, ~inside_P].contiguous()
            tensor = tensor[:, inside_P].contiguous()
        tensors[name] = tensor
    return as_checkpoint(tensors)


def _inside(padded: int, width: int) -> Tensor:
    channels = 1 if math.isqrt(padded) ** 2 == padded else 3
    return inner_inputs(channels * (math.isqrt(padded // channels) - 2 * width) ** 2, width)


def _load(simulation: Simulation, index: int, what: str) -> Any:
    path = simulation.folder / f"{simulation.name}-{index}{what}.pth"
    _stays_inside(path, simulation.folder)
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as exc:
        raise UsageError(f"{path} cannot be read ({type(exc).__name__}); {RESTORE}") from exc


def _json(path: Path, folder: Path) -> Any:
    _stays_inside(path, folder)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise UsageError(f"{path} cannot be read ({exc}); {RESTORE}") from exc


def _stays_inside(path: Path, folder: Path) -> None:
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{path} is a link that leads out of {folder}; put the file itself there, or remove it")
