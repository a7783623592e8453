"""What the store gives back: frozen values without a database behind them."""

import json
import re
import uuid
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np

from analogcli.errors import SpecError
from analogcli.spec import RunSpec, build
from analogcli.store import schema
from analogcli.store.checkpoints import CheckpointFile
from analogcli.store.processes import Owner

BEFORE = -1.0
"""The time of an inference with the weights as they were trained, before any programming [s]."""
RELAXED = "relaxed"
"""Name of the series with test loss and accuracy after the devices have relaxed."""

SEED = re.compile(r'"seed": (\d+)')

HELD = {"running": "interrupted", "cancelling": "cancelled"}
"""What a row may say whose process trains it, and what has become of the run if that process is gone."""


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of one model; accuracies are fractions, None where numbers are predicted, losses means over samples.

    ``seconds`` is the model's share of the time: of models that were trained together, each took its equal part.
    """

    epoch: int
    train_loss: float | None
    test_loss: float | None
    test_accuracy: float | None
    mean_abs_gradient: float | None
    lr: float | None
    seconds: float
    recorded_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the epoch was done."""

    def as_data(self) -> dict[str, Any]:
        """Return the record as JSON data."""
        return asdict(self) | {"recorded_at": self.recorded_at.isoformat()}


@dataclass(frozen=True)
class ModelEpoch:
    """All that is to be recorded of one epoch of one model."""

    model_id: int
    record: EpochRecord
    series: dict[str, np.ndarray]
    """Numbers by the name of their series; kept as float32."""
    checkpoint: CheckpointFile


@dataclass(frozen=True)
class ModelRecord:
    """One model of a run with what is known of its epochs."""

    id: int
    index: int
    seed: int
    epochs: tuple[EpochRecord, ...]


@dataclass(frozen=True)
class InferenceRecord:
    """What one trained model gave at one time after it was programmed; the accuracy is a fraction."""

    model_id: int
    repeat: int
    """Which programming of the model."""
    seconds: float
    """Time since programming [s], or :data:`BEFORE`."""
    test_loss: float
    test_accuracy: float | None
    predictions: list[float] | None = None
    """Numbers predicted, sample by sample; None where there are classes, or very many numbers."""


@dataclass(frozen=True)
class SavedState:
    """Where a model can be continued: after ``epoch`` complete epochs and ``step`` mini-batches."""

    epoch: int
    step: int
    file: CheckpointFile


class _Specified:
    """What has an id and a stored spec."""

    id: str
    spec_data: dict[str, Any]

    @property
    def short_id(self) -> str:
        """The first eight characters of the id, enough to name it."""
        return self.id[:8]

    @cached_property
    def spec(self) -> RunSpec:
        """The resolved spec.

        Raises:
            SpecError: it was written by another version and is no longer valid.
        """
        try:
            return build(self.spec_data)
        except SpecError as exc:
            raise SpecError(f"the stored spec of run {self.short_id} is not valid in this version: {exc}") from exc


@dataclass(frozen=True)
class RunHead(_Specified):
    """A run without its models, epochs and attempts: what is read of very many."""

    id: str
    spec_hash: str
    spec_data: dict[str, Any]
    status: str
    created_at: datetime
    n_models: int
    furthest: int
    """Complete training epochs of the model that has most."""


@dataclass(frozen=True)
class RunRecord(_Specified):
    """A run as the store knows it."""

    id: str
    spec_hash: str
    spec_data: dict[str, Any]
    status: str
    """queued, running, cancelling, finished, failed, interrupted or cancelled."""
    error: str | None
    repeatable: bool
    resolved_config: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    owner: Owner
    models: tuple[ModelRecord, ...]
    attempts: tuple[dict[str, Any], ...]

    @property
    def n_models(self) -> int:
        """Models that are trained."""
        return len(self.models)

    @property
    def furthest(self) -> int:
        """Complete training epochs of the model that has most."""
        return max((epoch.epoch for model in self.models for epoch in model.epochs), default=0)

    @property
    def epochs_done(self) -> int:
        """Complete training epochs over all models."""
        return sum(max((e.epoch for e in model.epochs), default=0) for model in self.models)

    @property
    def epochs_planned(self) -> int:
        """Training epochs of all models; all iterations of a least-squares problem are one."""
        return int(self.spec_data["task"].get("epochs", 1)) * len(self.models)

    @property
    def seconds(self) -> float:
        """Time spent training and testing, all models together [s]."""
        return sum(e.seconds for model in self.models for e in model.epochs)


def new_run(spec: RunSpec, now: datetime) -> schema.Run:
    """Return the row of a run that nobody has begun yet."""
    return schema.Run(
        id=str(uuid.uuid4()),
        spec_hash=spec.hash,
        spec=spec.model_dump(mode="json"),
        experiment=spec.experiment,
        protocol=spec.protocol,
        setting=spec.setting,
        backend=spec.backend,
        status="queued",
        repeatable=True,
        resolved_config={},
        created_at=now,
        updated_at=now,
        models=[schema.Model(index=i, seed=spec.seed + i) for i in range(spec.n_models)],
    )


def owner_of(run: schema.Run) -> Owner:
    """Return the process that has a run, or had it last."""
    return Owner(run.hostname, run.pid, run.process_started, run.place)


def is_held(run: schema.Run, now: float) -> bool:
    """Whether a living process trains the run; ``now`` is the database's time [s since 1970]."""
    return run.status in HELD and owner_of(run).holds(run.lease_until, now)


def status_of(run: schema.Run, now: float) -> str:
    """Return the status of a run; that of one whose process is gone says so."""
    return run.status if run.status not in HELD or is_held(run, now) else HELD[run.status]


def run_record(run: schema.Run, now: float) -> RunRecord:
    """Return the value of a row; ``now`` is the database's time [s since 1970]."""
    return RunRecord(
        id=run.id,
        spec_hash=run.spec_hash,
        spec_data=run.spec,
        status=status_of(run, now),
        error=run.error,
        repeatable=run.repeatable,
        resolved_config=run.resolved_config,
        created_at=run.created_at,
        updated_at=run.updated_at,
        owner=owner_of(run),
        models=tuple(_model_record(model) for model in run.models),
        attempts=tuple(_columns(attempt) for attempt in run.attempts),
    )


class SpecTexts:
    """Decodes specs; of very many runs most differ in nothing but the seed, and are decoded once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def decoded(self, text: str) -> dict[str, Any]:
        """Return a spec from its JSON; what is in it may be shared with that of another run."""
        seeds = SEED.findall(text)
        if len(seeds) != 1:
            return dict(json.loads(text))
        alike = SEED.sub('"seed": 0', text)
        if alike not in self._known:
            self._known[alike] = json.loads(alike)
        return self._known[alike] | {"seed": int(seeds[0])}


def run_head(row: Any, now: float, specs: SpecTexts) -> RunHead:
    """Return the value of the columns of a run, its spec as text, and the counts ``n_models`` and ``furthest``."""
    status = status_of(row, now)
    return RunHead(
        row.id, row.spec_hash, specs.decoded(row.spec), status, row.created_at, row.n_models, row.furthest or 0
    )


def _model_record(model: schema.Model) -> ModelRecord:
    names = [f.name for f in fields(EpochRecord)]
    epochs = tuple(EpochRecord(*(getattr(epoch, name) for name in names)) for epoch in model.epochs)
    return ModelRecord(model.id, model.index, model.seed, epochs)


def _columns(row: schema.Provenance) -> dict[str, Any]:
    return {c.key: getattr(row, c.key) for c in schema.Provenance.__table__.columns if c.key not in ("id", "run_id")}
