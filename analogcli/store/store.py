"""The store: every run, its models, epochs, series, checkpoints and provenance, behind a small set of verbs.

Writes are short transactions, one an epoch.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from analogcli.errors import AlreadyStored, RunTaken, UsageError
from analogcli.spec import RunSpec
from analogcli.store import checkpoints, schema
from analogcli.store.checkpoints import CheckpointFile
from analogcli.store.claims import database_time, hand_over, one_at_a_time, own_row, row_of
from analogcli.store.engine import connect
from analogcli.store.explain import explained
from analogcli.store.files import FolderFiles
from analogcli.store.location import locate
from analogcli.store.patience import patient
from analogcli.store.processes import this_process
from analogcli.store.provenance import Provenance
from analogcli.store.reader import Reader
from analogcli.store.rows import is_held, new_run, owner_of
from analogcli.store.series import encode
from analogcli.store.session import Database
from analogcli.store.settings import checkpoint_files
from analogcli.store.values import HELD, ModelEpoch, Status

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Store(Reader):
    """An open store. Cheap to pass around; every method is one transaction."""

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
        database = Database(location, sessionmaker(connect(location), expire_on_commit=False))
        return cls(location, database.sessions, checkpoint_files(database, FolderFiles(location.folder)))

    @property
    def folder(self) -> Path:
        """The folder for what is made of the store: figures, exports, records, logs; checkpoints too, as a rule."""
        return self.location.folder

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
        with self.writing() as session:
            if not again:
                one_at_a_time(session)
                if stored := session.scalars(select(schema.Run.id).filter_by(spec_hash=spec.hash)).first():
                    raise AlreadyStored(f"run {stored[:8]} of the same spec was begun meanwhile by another process")
            run = new_run(spec, created_at or _now())
            run.repeatable, run.resolved_config = repeatable, resolved
            run.attempts = [_provenance_row(provenance, run.created_at)]
            hand_over(session, run)
            session.add(run)
            return run.id

    @patient
    def take_over(self, run_id: str, provenance: Provenance, *, repeatable: bool, resolved: dict[str, Any]) -> None:
        """Record that this process trains a run that was queued, or continues one that did not come to its end.

        Raises:
            UsageError: another process is training it.
            RunTaken: another one has trained it to its end.
        """
        with self.writing() as session:
            run = row_of(session, run_id, self.location)
            if is_held(run, database_time(session)) and owner_of(run) != this_process():
                raise UsageError(
                    f"run {run_id[:8]} is being trained by {owner_of(run)}; wait for it or stop that process first"
                )
            if run.status == "finished":
                raise RunTaken(f"run {run_id[:8]} was finished meanwhile by {owner_of(run)}.")
            if run.status not in HELD:  # Somebody asks for it: what it did before is forgiven.
                run.deaths = 0
            run.repeatable, run.resolved_config = repeatable, resolved
            run.attempts.append(_provenance_row(provenance, _now()))
            hand_over(session, run)

    @patient
    def record_epochs(self, done: Sequence[ModelEpoch]) -> None:
        """Record one epoch of several models with series and checkpoints, all or nothing.

        The models' older checkpoints are dropped.
        """
        with self.writing() as session:
            for one in done:
                session.add(schema.Epoch(model_id=one.model_id, **asdict(one.record)))
                session.add_all(
                    schema.Series(model_id=one.model_id, name=name, epoch=one.record.epoch, values=encode(values))
                    for name, values in one.series.items()
                )
                self._replace_checkpoint(session, one.model_id, one.record.epoch, 0, one.checkpoint)
        # Only after the commit: until then the older checkpoints are those to continue from.
        for one in done:
            checkpoints.keep_only(self.files, one.checkpoint)

    @patient
    def record_checkpoints(self, files: "dict[int, CheckpointFile]", epoch: int, step: int) -> None:
        """Record checkpoints, by id of the model, in the middle of the epoch after ``epoch`` complete ones."""
        with self.writing() as session:
            for model_id, file in files.items():
                self._replace_checkpoint(session, model_id, epoch, step, file)
        for file in files.values():
            checkpoints.keep_only(self.files, file)

    @patient
    def end(self, run_id: str, status: Status, error: str | None = None) -> None:
        """Record how a run ended: finished, failed (with the error text) or interrupted.

        Raises:
            RunTaken: another process has the run by now.
        """
        with self.writing() as session:
            run = own_row(session, run_id, self.location)
            # Asked to stop for good, a run is not merely interrupted.
            run.status = "cancelled" if (run.status, status) == ("cancelling", "interrupted") else status
            run.error, run.updated_at, run.lease_until = error, _now(), None

    @patient
    def delete(self, run_id: str) -> None:
        """Delete a run with everything that belongs to it, files included."""
        with self.writing() as session:
            session.delete(row_of(session, run_id, self.location))
        with explained(self.location):
            checkpoints.remove_all(self.files, run_id)

    def save_state(self, run_id: str, index: int, name: str, tensors: "dict[str, Tensor]") -> CheckpointFile:
        """Write a checkpoint file of a model; it counts only once it is recorded."""
        relative = f"{checkpoints.FOLDER}/{run_id}/model-{index}/{name}.safetensors"
        return checkpoints.write(self.files, relative, tensors)

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
        run = own_row(session, model.run_id, self.location)
        run.updated_at, run.deaths = _now(), 0


def _provenance_row(provenance: Provenance, now: datetime) -> schema.Provenance:
    return schema.Provenance(started_at=now, **provenance.as_columns())


def _now() -> datetime:
    return datetime.now(UTC)
