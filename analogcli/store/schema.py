"""The tables of the store (SQLAlchemy 2, typed). A change here needs a migration in ``migrations/versions``."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Double,
    ForeignKey,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from analogcli.store.values import Status


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, float: Double}  # noqa: RUF012


class Run(Base):
    """One execution of a spec, with all its models."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    spec_hash: Mapped[str] = mapped_column(String(64), index=True)
    spec: Mapped[dict[str, Any]]
    experiment: Mapped[str] = mapped_column(String(100), index=True)
    protocol: Mapped[str] = mapped_column(String(100))
    setting: Mapped[str] = mapped_column(String(100))
    backend: Mapped[str] = mapped_column(String(20))
    status: Mapped[Status] = mapped_column(String(20))
    """Of a row that is held (running or cancelling) it depends on its process whether it still is."""
    error: Mapped[str | None] = mapped_column(Text)
    repeatable: Mapped[bool]
    """Whether the same spec gives the same bits on one machine."""
    resolved_config: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]
    hostname: Mapped[str | None] = mapped_column(String(255))
    pid: Mapped[int | None]
    process_started: Mapped[float | None]
    """Start time of the process [s]; tells a process from a later one with the same number."""
    place: Mapped[str | None] = mapped_column(String(100))
    """Machine and container in which the process can be looked for."""
    worker: Mapped[str | None] = mapped_column(String(100))
    """What people call the process, e.g. a job of the cluster."""
    lease_until: Mapped[float | None]
    """Until when the process has the run, if it cannot be looked for; the database's clock [s since 1970]."""
    deaths: Mapped[int] = mapped_column(default=0, server_default="0")
    """Processes that died over the run since it last got further."""

    models: Mapped[list["Model"]] = relationship(
        back_populates="run", order_by="Model.index", cascade="all, delete-orphan", passive_deletes=True
    )
    attempts: Mapped[list["Provenance"]] = relationship(
        order_by="Provenance.id", cascade="all, delete-orphan", passive_deletes=True
    )


class SweepRun(Base):
    """A run that a sweep wants: until it has ended, workers look for it."""

    __tablename__ = "sweep_runs"

    sweep: Mapped[str] = mapped_column(String(100), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, index=True)
    position: Mapped[int]
    command: Mapped[str] = mapped_column(Text)
    """The command that trains the run alone."""
    queued_at: Mapped[datetime]


class Provenance(Base):
    """With what, where and by which command a run was trained; a resumed run has one row for each attempt."""

    __tablename__ = "provenance"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[datetime]
    package: Mapped[str] = mapped_column(String(50))
    python: Mapped[str] = mapped_column(String(50))
    torch: Mapped[str] = mapped_column(String(50))
    aihwkit: Mapped[str | None] = mapped_column(String(50))
    git_commit: Mapped[str | None] = mapped_column(String(50))
    hostname: Mapped[str] = mapped_column(String(255))
    device: Mapped[str] = mapped_column(String(255))
    command_line: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, Any]]
    data_fingerprint: Mapped[str | None] = mapped_column(String(64))
    notes: Mapped[str | None] = mapped_column(Text)


class Model(Base):
    """One of the models of a run; model i has seed + i."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("run_id", "index"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    index: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)

    run: Mapped[Run] = relationship(back_populates="models")
    epochs: Mapped[list["Epoch"]] = relationship(
        order_by="Epoch.epoch", cascade="all, delete-orphan", passive_deletes=True
    )
    checkpoints: Mapped[list["Checkpoint"]] = relationship(
        order_by="Checkpoint.id", cascade="all, delete-orphan", passive_deletes=True
    )
    series: Mapped[list["Series"]] = relationship(
        order_by="Series.epoch", cascade="all, delete-orphan", passive_deletes=True
    )
    inferences: Mapped[list["Inference"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class Epoch(Base):
    """What one epoch of one model gave; epoch 0 is the untrained model."""

    __tablename__ = "epochs"

    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    train_loss: Mapped[float | None]
    test_loss: Mapped[float | None]
    test_accuracy: Mapped[float | None]
    """Fraction of the test images that are classified correctly; null where numbers are predicted."""
    mean_abs_gradient: Mapped[float | None]
    """Mean |∂L/∂W| over all weights, last mini-batch of the epoch."""
    lr: Mapped[float | None]
    seconds: Mapped[float]
    recorded_at: Mapped[datetime]


class Series(Base):
    """A series of numbers finer than epochs, e.g. the loss of every mini-batch; one chunk an epoch."""

    __tablename__ = "series"

    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    values: Mapped[bytes] = mapped_column(LargeBinary)
    """Little-endian float32."""


class Checkpoint(Base):
    """A file from which a model continues; the last one of each model is kept."""

    __tablename__ = "checkpoints"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), index=True)
    epoch: Mapped[int]
    """Complete epochs."""
    step: Mapped[int]
    """Mini-batches done in the epoch after that."""
    path: Mapped[str] = mapped_column(Text)
    """Relative to where the store keeps its checkpoints."""
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class Inference(Base):
    """What one trained model gave at one time after it was written onto phase-change memory."""

    __tablename__ = "inferences"

    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), primary_key=True)
    settings_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    repeat: Mapped[int] = mapped_column(primary_key=True)
    """Which programming of the model."""
    seconds: Mapped[float] = mapped_column(primary_key=True)
    """Time since programming [s]; −1: before it."""
    settings: Mapped[dict[str, Any]]
    test_loss: Mapped[float]
    test_accuracy: Mapped[float | None]
    """Fraction of the test images that are classified correctly; null where there are no classes."""
    predictions: Mapped[list[float] | None] = mapped_column(JSON(none_as_null=True))
    """Numbers predicted, sample by sample; null where there are classes, or very many numbers."""
    recorded_at: Mapped[datetime]


class Setting(Base):
    """What a store knows of itself."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
