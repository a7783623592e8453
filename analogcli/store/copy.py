"""Runs from one store into another, of whichever engine: as they are, each whole or not at all, and only once.

A run keeps its id, and is written in one transaction after its checkpoint files: what an interrupted copy has done is
done, and the next one goes on from there. Of a run that both stores have the one that got further stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from analogcli.errors import StoreError, UsageError
from analogcli.store import checkpoints, schema
from analogcli.store.checkpoints import CheckpointFile
from analogcli.store.patience import while_away
from analogcli.store.store import Store
from analogcli.store.values import Status

What = Literal["copied", "brought further", "there already", "queued", "being trained"]
WHAT: tuple[What, ...] = get_args(What)
ENDED: tuple[Status, ...] = ("finished", "failed", "interrupted", "cancelled")


@dataclass(frozen=True)
class Copied:
    """What became of one run; ``problems`` are checkpoints that could not be copied with it."""

    run_id: str
    what: What
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class _Reached:
    """How far a run is: of two the greater one is kept."""

    finished: bool = False
    epochs: int = 0
    checkpoints: int = 0
    steps: int = 0


@dataclass(frozen=True)
class _Known:
    """What one store knows of a run, without its rows."""

    status: Status
    reached: _Reached
    inferences: int


def copy_runs(source: Store, target: Store) -> tuple[int, Iterator[Copied]]:
    """Return how many runs ``source`` has, and what copies them one by one into ``target``.

    Raises:
        UsageError: both keep their checkpoints in the same place, where one would delete the other's.
    """
    if source.files.address == target.files.address:
        raise UsageError(
            f"{source.location} and {target.location} would keep their checkpoints in the same place "
            f"({source.files}); name a store in a folder of its own, or another place with ?checkpoints="
        )
    ours, theirs = _all_known(source), _all_known(target)
    return len(ours), (_copy(source, target, run_id, known, theirs.get(run_id)) for run_id, known in ours.items())


def _copy(source: Store, target: Store, run_id: str, ours: _Known, theirs: _Known | None) -> Copied:
    for store, known in ((source, ours), (target, theirs)):
        if known and (status := _status(store, run_id, known)) not in ENDED:
            return Copied(run_id, "queued" if status == "queued" else "being trained")
    if theirs and ours.reached <= theirs.reached and ours.inferences <= theirs.inferences:
        return Copied(run_id, "there already")
    with source.reading() as session:
        run = session.get_one(schema.Run, run_id, options=_WHOLE)
        files = {m.index: CheckpointFile(c.path, c.sha256, c.size) for m in run.models for c in m.checkpoints}
        payloads, problems = _sound(source, run_id, files)
        reached = _Reached(ours.reached.finished, ours.reached.epochs, len(payloads), ours.reached.steps)
        further = theirs is None or reached > theirs.reached
        if further:
            for index, payload in payloads.items():
                checkpoints.put(target.files, files[index].path, payload)
        elif theirs and ours.inferences <= theirs.inferences:
            return Copied(run_id, "there already", problems)
        status = _status(source, run_id, ours)

        def write() -> None:
            with target.writing() as there:
                if further:
                    _replace(there, run, status, set(payloads))
                _add_inferences(there, run)

        while_away(target.location, write)
    for index in payloads if further else ():
        checkpoints.keep_only(target.files, files[index])
    return Copied(run_id, "brought further" if theirs else "copied", problems)


_WHOLE = (
    selectinload(schema.Run.attempts),
    *(
        selectinload(schema.Run.models).selectinload(part)
        for part in (schema.Model.epochs, schema.Model.series, schema.Model.checkpoints, schema.Model.inferences)
    ),
)


def _status(store: Store, run_id: str, known: _Known) -> Status:
    """Return the status of a run; of one that is not recorded as ended it depends on its process."""
    return known.status if known.status in ENDED else store.runs(id=run_id)[0].status


def _all_known(store: Store) -> dict[str, _Known]:
    def per_run(what: sa.ColumnElement[Any], table: type[schema.Base]) -> sa.ScalarSelect[Any]:
        model_id: Any = table.__table__.c.model_id
        query = select(func.coalesce(what, 0)).select_from(schema.Model).join(table, model_id == schema.Model.id)
        return query.where(schema.Model.run_id == schema.Run.id).correlate(schema.Run).scalar_subquery()

    query = select(
        schema.Run.id,
        schema.Run.status,
        per_run(func.count(), schema.Epoch),
        per_run(func.count(), schema.Checkpoint),
        per_run(func.sum(schema.Checkpoint.step), schema.Checkpoint),
        per_run(func.count(), schema.Inference),
    )
    with store.reading() as session:
        return {
            run_id: _Known(status, _Reached(status == "finished", epochs, files, int(steps)), inferences)
            for run_id, status, epochs, files, steps, inferences in session.execute(
                query.order_by(schema.Run.created_at)
            )
        }


def _sound(store: Store, run_id: str, files: dict[int, CheckpointFile]) -> tuple[dict[int, bytes], tuple[str, ...]]:
    """Return the checkpoints of the models whose files are as they were written, and what is wrong with the others."""
    payloads, problems = {}, []
    for index, file in files.items():
        try:
            if not file.path.startswith(f"{checkpoints.FOLDER}/{run_id}/"):  # It would lie over that of another run.
                raise StoreError(f"{file.path!r:.80} is not a file of this run")
            payloads[index] = checkpoints.payload(store.files, file)
        except StoreError as exc:
            problems.append(str(exc))
    return payloads, tuple(problems)


def _replace(session: Session, run: schema.Run, status: Status, with_checkpoint: set[int]) -> None:
    session.execute(sa.delete(schema.Run).filter_by(id=run.id))
    copied = _like(run, status=status)
    copied.attempts = [_like(attempt, id=None, run_id=run.id) for attempt in run.attempts]
    for model in run.models:
        own = _like(model, id=None, run_id=run.id)
        own.epochs = [_like(epoch, model_id=None) for epoch in model.epochs]
        own.series = [_like(chunk, model_id=None) for chunk in model.series]
        if model.index in with_checkpoint:
            own.checkpoints = [_like(file, id=None, model_id=None) for file in model.checkpoints]
        copied.models.append(own)
    session.add(copied)
    session.flush()


def _add_inferences(session: Session, run: schema.Run) -> None:
    ids = {m.index: m.id for m in session.scalars(select(schema.Model).filter_by(run_id=run.id))}
    for model in run.models:
        for row in model.inferences:
            session.merge(_like(row, model_id=ids[model.index]))


def _like(row: Any, **changes: Any) -> Any:
    """Return a new row with the same values, but for the changes; an id that is None is given anew."""
    values = {column.key: getattr(row, column.key) for column in sa.inspect(type(row)).column_attrs} | changes
    return type(row)(**{name: value for name, value in values.items() if value is not None or name not in changes})
