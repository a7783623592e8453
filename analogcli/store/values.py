"""What the store gives back: frozen values without a database behind them."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np

from analogcli.errors import SpecError
from analogcli.spec import RunSpec, build
from analogcli.store.checkpoints import CheckpointFile
from analogcli.store.processes import Owner

BEFORE = -1.0
"""The time of an inference with the weights as they were trained, before any programming [s]."""
RELAXED = "relaxed"
"""Name of the series with test loss and accuracy after the devices have relaxed."""

Status = Literal["queued", "running", "cancelling", "finished", "failed", "interrupted", "cancelled"]
"""How a run stands; one that is cancelling still runs, but is asked to stop for good."""
HELD: dict[Status, Status] = {"running": "interrupted", "cancelling": "cancelled"}
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
    status: Status
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
    status: Status
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


@dataclass(frozen=True)
class Wanted:
    """A run that a sweep wants; ``command`` trains it alone."""

    spec: RunSpec
    command: str


@dataclass(frozen=True)
class Queued:
    """A run of a sweep and how it stands, without its spec and epochs."""

    run_id: str
    spec_hash: str
    sweep: str
    command: str
    status: Status
    error: str | None
    worker: str | None
    owner: Owner
    lease_s: float | None
    """What is left of the lease of a run that is held [s]."""

    is_claimable: bool
    """Whether the next worker takes it."""

    @property
    def is_over(self) -> bool:
        """Whether no worker will look at it again."""
        return not self.is_claimable and self.status not in HELD
