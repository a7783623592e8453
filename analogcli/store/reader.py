"""Reading a store: its runs, whole or in short, and what belongs to them, as plain frozen values, never live rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from analogcli.errors import UnknownName, UsageError
from analogcli.spec import RunSpec
from analogcli.store import checkpoints, schema
from analogcli.store.checkpoints import CheckpointFile
from analogcli.store.claims import database_time
from analogcli.store.files import Files
from analogcli.store.patience import patient
from analogcli.store.rows import SpecTexts, run_head, run_record
from analogcli.store.series import decode
from analogcli.store.session import Database
from analogcli.store.values import ModelRecord, RunHead, RunRecord, SavedState

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Reader(Database):
    """What can be asked of an open store; every method is one transaction."""

    files: Files
    """Where checkpoints lie."""

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
        with self.reading() as session:
            now = database_time(session)
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
        with self.reading() as session:
            now = database_time(session)
            specs = SpecTexts()
            return [run_head(row, now, specs) for row in session.execute(query)]

    @patient
    def count(self, **where: str) -> int:
        """Return the number of runs whose columns have these values."""
        with self.reading() as session:
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
        with self.reading() as session:
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
        with self.reading() as session:
            row = session.scalars(query).first()
        return SavedState(row.epoch, row.step, CheckpointFile(row.path, row.sha256, row.size)) if row else None

    def load_state(self, saved: SavedState) -> "dict[str, Tensor]":
        """Read a checkpoint file, after checking its digest."""
        return checkpoints.read(self.files, saved.file)

    @patient
    def series(self, model: ModelRecord, name: str) -> dict[int, np.ndarray]:
        """Return a series of a model as chunks of float32 by epoch, in order; empty if there is none."""
        query = select(schema.Series).filter_by(model_id=model.id, name=name).order_by(schema.Series.epoch)
        with self.reading() as session:
            return {row.epoch: decode(row.values) for row in session.scalars(query)}

    @patient
    def problems(self) -> list[str]:
        """Return what is wrong with the store: database integrity, missing or altered checkpoint files."""
        with self.reading() as session:
            found = []
            if self.location.file:
                found = [str(r) for r in session.scalars(sa.text("PRAGMA integrity_check")) if r != "ok"]
            rows = list(session.scalars(select(schema.Checkpoint)))
        files = [CheckpointFile(row.path, row.sha256, row.size) for row in rows]
        return found + [p for p in (checkpoints.damage(self.files, file) for file in files) if p]

    @patient
    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table."""
        with self.reading() as session:
            return {
                table.name: session.scalar(select(sa.func.count()).select_from(table)) or 0
                for table in schema.Base.metadata.sorted_tables
                if table is not schema.Setting.__table__
            }
