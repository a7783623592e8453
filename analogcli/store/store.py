"""The store: every run, its models, epochs, series, checkpoints and provenance, behind a small set of verbs.

Writes are short transactions, one an epoch; what a caller gets back are plain frozen values, never live rows.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload, sessionmaker

from analogcli.errors import AlreadyStored, RunTaken, StoreError, UnknownName, UsageError
from analogcli.spec import PcmInference, RunSpec, digest
from analogcli.store import checkpoints, queue, schema
from analogcli.store.checkpoints import CheckpointFile
from analogcli.store.engine import connect
from analogcli.store.explain import explained
from analogcli.store.files import Files, FolderFiles
from analogcli.store.location import Location, locate
from analogcli.store.patience import commit, patient
from analogcli.store.processes import this_process
from analogcli.store.provenance import Provenance
from analogcli.store.rows import SpecTexts, is_held, new_run, owner_of, run_head, run_record
from analogcli.store.settings import checkpoint_files
from analogcli.store.values import (
    HELD,
    InferenceRecord,
    ModelEpoch,
    ModelRecord,
    RunHead,
    RunRecord,
    SavedState,
    Status,
)

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Store:
    """An open store. Cheap to pass around; every method is one transaction."""

    location: Location
    sessions: sessionmaker[Session]
    files: Files
    """Where checkpoints lie."""

    @classmethod
    def open(cls, store: str | None = None, *, create: bool = True) -> "Store":
        """Open ``store`` (a path or URL; default ANALOG_STORE, then ``results/analog.db``), migrating its schema.

        Raises:
            UsageError: ``create`` is False and there is no such file yet.
            StoreError: it cannot be opened.
        """
        location = locate(store)
        if location.file and not create and not location.file.is_file():
            raise UsageError(
                f"there is no store at {location} yet; `analog run` or `analog demo` makes one, "
                "--store or ANALOG_STORE names another"
            )
        opened = cls(location, sessionmaker(connect(location), expire_on_commit=False), FolderFiles(location.folder))
        return replace(opened, files=checkpoint_files(opened))

    @property
    def folder(self) -> Path:
        """The folder for what is made of the store: figures, exports, records, logs; checkpoints too, as a rule."""
        return self.location.folder

    # -- writing ---------------------------------------------------------------------------------------------------

    @patient
    def begin(
        self,
        spec: RunSpec,
        provenance: Provenance,
        *,
        repeatable: bool,
        resolved: dict[str, Any],
        created_at: datetime | None = None,
        again: bool = True,
    ) -> str:
        """Record a new run as running, before any work is done, and return its id; ``created_at``: None is now.

        Raises:
            AlreadyStored: not ``again``, and the spec is stored already; nobody else stores it in between.
        """
        with self._write() as session:
            if not again:
                queue.one_at_a_time(session)
                if stored := session.scalars(select(schema.Run.id).filter_by(spec_hash=spec.hash)).first():
                    raise AlreadyStored(f"run {stored[:8]} of the same spec was begun meanwhile by another process")
            run = new_run(spec, created_at or _now())
            run.repeatable, run.resolved_config = repeatable, resolved
            run.attempts = [_provenance_row(provenance, run.created_at)]
            queue.hand_over(session, run)
            session.add(run)
            return run.id

    @patient
    def take_over(self, run_id: str, provenance: Provenance, *, repeatable: bool, resolved: dict[str, Any]) -> None:
        """Record that this process trains a run that was queued, or continues one that did not come to its end.

        Raises:
            UsageError: another process is training it.
            RunTaken: another one has trained it to its end.
        """
        with self._write() as session:
            run = self._row(session, run_id)
            if is_held(run, queue.database_time(session)) and owner_of(run) != this_process():
                raise UsageError(
                    f"run {run_id[:8]} is being trained by {owner_of(run)}; wait for it or stop that process first"
                )
            if run.status == "finished":
                raise RunTaken(f"run {run_id[:8]} was finished meanwhile by {owner_of(run)}.")
            if run.status not in HELD:  # Somebody asks for it: what it did before is forgiven.
                run.deaths = 0
            run.repeatable, run.resolved_config = repeatable, resolved
            run.attempts.append(_provenance_row(provenance, _now()))
            queue.hand_over(session, run)

    @patient
    def record_epochs(self, done: Sequence[ModelEpoch]) -> None:
        """Record one epoch of several models with series and checkpoints, all or nothing.

        The models' older checkpoints are dropped.
        """
        with self._write() as session:
            for one in done:
                session.add(schema.Epoch(model_id=one.model_id, **asdict(one.record)))
                session.add_all(
                    schema.Series(model_id=one.model_id, name=name, epoch=one.record.epoch, values=values)
                    for name, values in one.series.items()
                )
                self._replace_checkpoint(session, one.model_id, one.record.epoch, 0, one.checkpoint)
        # Only after the commit: until then the older checkpoints are those to continue from.
        for one in done:
            checkpoints.keep_only(self.files, one.checkpoint)

    @patient
    def record_checkpoints(self, files: "dict[int, CheckpointFile]", epoch: int, step: int) -> None:
        """Record checkpoints, by id of the model, in the middle of the epoch after ``epoch`` complete ones."""
        with self._write() as session:
            for model_id, file in files.items():
                self._replace_checkpoint(session, model_id, epoch, step, file)
        for file in files.values():
            checkpoints.keep_only(self.files, file)

    @patient
    def record_inferences(self, settings: PcmInference, records: Sequence[InferenceRecord]) -> None:
        """Record what models gave at a time after programming, in place of what was recorded of the same before."""
        with self._write() as session:
            for record in records:
                data = {"settings": settings.model_dump(mode="json"), "settings_hash": digest(settings)}
                session.merge(schema.Inference(**asdict(record), **data, recorded_at=_now()))

    @patient
    def end(self, run_id: str, status: Status, error: str | None = None) -> None:
        """Record how a run ended: finished, failed (with the error text) or interrupted.

        Raises:
            RunTaken: another process has the run by now.
        """
        with self._write() as session:
            run = self._own_row(session, run_id)
            # Asked to stop for good, a run is not merely interrupted.
            run.status = "cancelled" if (run.status, status) == ("cancelling", "interrupted") else status
            run.error, run.updated_at, run.lease_until = error, _now(), None

    @patient
    def delete(self, run_id: str) -> None:
        """Delete a run with everything that belongs to it, files included."""
        with self._write() as session:
            session.delete(self._row(session, run_id))
        with explained(self.location):
            checkpoints.remove_all(self.files, run_id)

    def save_state(self, run_id: str, index: int, name: str, tensors: "dict[str, Tensor]") -> CheckpointFile:
        """Write a checkpoint file of a model; it counts only once it is recorded."""
        relative = f"{checkpoints.FOLDER}/{run_id}/model-{index}/{name}.safetensors"
        return checkpoints.write(self.files, relative, tensors)

    # -- reading ---------------------------------------------------------------------------------------------------

    @patient
    def runs(self, *, newest: int | None = None, **where: str) -> list[RunRecord]:
        """Return the runs whose columns have these values, oldest first, with models and epochs; all, or so many."""
        query = (
            select(schema.Run)
            .filter_by(**where)
            .options(
                selectinload(schema.Run.models).selectinload(schema.Model.epochs), selectinload(schema.Run.attempts)
            )
            .order_by(schema.Run.created_at.desc())
            .limit(newest)
        )
        with self._read() as session:
            now = queue.database_time(session)
            return [run_record(run, now) for run in session.scalars(query)][::-1]

    @patient
    def heads(self, **where: Sequence[str]) -> list[RunHead]:
        """Return the runs whose columns have one of these values, oldest first, without what belongs to them."""
        run, model = schema.Run, schema.Model
        wanted = [getattr(run, name).in_(values) for name, values in where.items()]
        # Counted for all at once: a server that has no statistics yet would look through all epochs for each run.
        counts = (
            select(model.run_id, sa.func.count(model.id.distinct()), sa.func.max(schema.Epoch.epoch))
            .outerjoin(schema.Epoch)
            .where(model.run_id.in_(select(run.id).where(*wanted)))
            .group_by(model.run_id)
            .subquery()
        )
        run_id, n_models, furthest = counts.c
        # Columns, not rows that could be written: of ten thousand that takes a third of the time.
        columns = [c for c in run.__table__.columns if c.key not in ("resolved_config", "error", "spec")]
        columns += [sa.cast(run.spec, sa.Text).label("spec"), n_models.label("n_models"), furthest.label("furthest")]
        query = select(*columns).join(counts, run_id == run.id).where(*wanted).order_by(run.created_at)
        with self._read() as session:
            now = queue.database_time(session)
            specs = SpecTexts()
            return [run_head(row, now, specs) for row in session.execute(query)]

    @patient
    def count(self, **where: str) -> int:
        """Return the number of runs whose columns have these values."""
        with self._read() as session:
            return session.scalar(select(sa.func.count()).select_from(schema.Run).filter_by(**where)) or 0

    def find(self, spec: RunSpec) -> RunRecord | None:
        """Return the best stored run of a spec: a finished one, else the one that got furthest, else None."""
        found = self.runs(spec_hash=spec.hash)
        return max(found, key=lambda run: (run.status == "finished", run.epochs_done, run.created_at), default=None)

    @patient
    def run(self, name: str) -> RunRecord:
        """Return the run whose id begins with ``name``; ``last`` is the newest that was begun.

        Raises:
            UnknownName: there is none.
            UsageError: there are several.
        """
        ids, begun = select(schema.Run.id), schema.Provenance.started_at.desc()
        with self._read() as session:
            if name == "last":
                queries = [ids.join(schema.Provenance).order_by(begun), ids.order_by(schema.Run.created_at.desc())]
                found = [one for query in queries for one in session.scalars(query.limit(1))][:1]
            else:
                found = (
                    list(session.scalars(ids.where(schema.Run.id.startswith(name, autoescape=True)))) if name else []
                )
            if not found:
                near = session.scalars(ids.order_by(schema.Run.created_at.desc()).limit(5))
                raise UnknownName("run", name, [one[:8] for one in near][::-1], "`analog list runs` shows all.")
        if len(found) > 1:
            ids_found = ", ".join(one[:12] for one in found[:20])
            raise UsageError(f"{len(found)} runs begin with {name!r}: {ids_found}; type more of it")
        return self.runs(id=found[0])[0]

    @patient
    def saved_state(self, model: ModelRecord) -> SavedState | None:
        """Return the last checkpoint of a model, or None if it has none."""
        query = select(schema.Checkpoint).filter_by(model_id=model.id).order_by(schema.Checkpoint.id.desc()).limit(1)
        with self._read() as session:
            row = session.scalars(query).first()
        return SavedState(row.epoch, row.step, CheckpointFile(row.path, row.sha256, row.size)) if row else None

    def load_state(self, saved: SavedState) -> "dict[str, Tensor]":
        """Read a checkpoint file, after checking its digest."""
        return checkpoints.read(self.files, saved.file)

    @patient
    def series(self, model: ModelRecord, name: str) -> dict[int, bytes]:
        """Return a series of a model as chunks of little-endian float32 by epoch."""
        query = select(schema.Series).filter_by(model_id=model.id, name=name).order_by(schema.Series.epoch)
        with self._read() as session:
            return {row.epoch: row.values for row in session.scalars(query)}

    @patient
    def inferences(self, run: RunRecord) -> list[tuple[PcmInference, list[InferenceRecord]]]:
        """Return what is recorded of a run after programming, for each setting of the memory in the order of time."""
        ids = [model.id for model in run.models]
        query = select(schema.Inference).where(schema.Inference.model_id.in_(ids))
        by_settings: dict[str, tuple[PcmInference, list[InferenceRecord]]] = {}
        with self._read() as session:
            for row in session.scalars(query.order_by(schema.Inference.seconds, schema.Inference.repeat)):
                if row.settings_hash not in by_settings:
                    by_settings[row.settings_hash] = (PcmInference.model_validate(row.settings), [])
                # JSON has no word for what is not a number.
                numbers = row.predictions and [math.nan if value is None else value for value in row.predictions]
                by_settings[row.settings_hash][1].append(
                    InferenceRecord(row.model_id, row.repeat, row.seconds, row.test_loss, row.test_accuracy, numbers)
                )
        return list(by_settings.values())

    @patient
    def with_inferences(self) -> list[RunRecord]:
        """Return the runs of which something is recorded after programming, oldest first."""
        ids = select(schema.Model.run_id).join(schema.Inference).distinct()
        with self._read() as session:
            found = list(session.scalars(ids))
        return sorted((self.runs(id=one)[0] for one in found), key=lambda run: run.created_at)

    @patient
    def problems(self) -> list[str]:
        """Return what is wrong with the store: database integrity, missing or altered checkpoint files."""
        with self._read() as session:
            found = []
            if self.location.file:
                found = [str(r) for r in session.scalars(sa.text("PRAGMA integrity_check")) if r != "ok"]
            rows = list(session.scalars(select(schema.Checkpoint)))
        files = [CheckpointFile(row.path, row.sha256, row.size) for row in rows]
        return found + [p for p in (checkpoints.damage(self.files, file) for file in files) if p]

    @patient
    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table."""
        with self._read() as session:
            return {
                table.name: session.scalar(select(sa.func.count()).select_from(table)) or 0
                for table in schema.Base.metadata.sorted_tables
                if table is not schema.Setting.__table__
            }

    # -- inside ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[Session]:
        with explained(self.location), self.sessions() as session:
            session.connection(execution_options={"writes": True})
            yield session
            commit(session, self.location)

    @contextmanager
    def _read(self) -> Iterator[Session]:
        with explained(self.location), self.sessions() as session:
            yield session

    def _row(self, session: Session, run_id: str) -> schema.Run:
        # SQLite has one writer at a time; on a server the row waits for whoever else writes it.
        run = session.get(schema.Run, run_id, with_for_update=True)
        if run is None:
            raise StoreError(f"run {run_id[:8]} is no longer in the store {self.location}; it was deleted meanwhile.")
        return run

    def _own_row(self, session: Session, run_id: str) -> schema.Run:
        """Return the row of a run that this process may write: the last one that has begun it, or gone on with it."""
        run = self._row(session, run_id)
        if owner_of(run) != this_process():
            by_now = f"{run.status} by now, as this process had not been heard of"
            raise RunTaken(
                f"run {run_id[:8]} is {by_now}{f' (it went to {owner_of(run)})' if run.pid else ''}; "
                "what was recorded of it until then is kept"
            )
        return run

    def _replace_checkpoint(self, session: Session, model_id: int, epoch: int, step: int, file: CheckpointFile) -> None:
        session.execute(sa.delete(schema.Checkpoint).filter_by(model_id=model_id))
        session.add(
            schema.Checkpoint(
                model_id=model_id,
                epoch=epoch,
                step=step,
                path=file.path,
                sha256=file.sha256,
                size=file.size,
                created_at=_now(),
            )
        )
        model = session.get_one(schema.Model, model_id)
        run = self._own_row(session, model.run_id)
        run.updated_at, run.deaths = _now(), 0


def _provenance_row(provenance: Provenance, now: datetime) -> schema.Provenance:
    return schema.Provenance(started_at=now, **provenance.as_columns())


def _now() -> datetime:
    return datetime.now(UTC)
