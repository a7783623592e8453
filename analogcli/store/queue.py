"""The queue: runs that sweeps want and workers claim, one at a time, each under a lease.

A sweep puts its runs into the store as ``queued``; a spec that is stored already is not put there again. A worker
claims one and from then on holds it: for others it is taken as long as the worker is seen to live or, from another
machine or container, as long as its lease lasts, which the worker renews all the while. All times are those of the
database's clock; what the workers' own clocks say does not matter. A run whose worker died is claimed again and goes on
from its last checkpoint; one over which workers die again and again without getting any further has failed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Session, defer, load_only

from analogcli.store import schema
from analogcli.store.claims import LEASE_S, database_time, hand_over, one_at_a_time, own_row, put_back
from analogcli.store.location import Location
from analogcli.store.patience import patient
from analogcli.store.processes import this_process
from analogcli.store.rows import STANDING, is_held, new_run, owner_of, queued, run_record, status_of
from analogcli.store.store import Store
from analogcli.store.values import HELD, Queued, RunRecord, Status, Wanted

MAX_DEATHS = 3
"""Workers that may die over a run without getting it any further."""

Wish = Literal["cancel"]


@dataclass(frozen=True)
class Queue:
    """The queue of a store; every method is one transaction."""

    store: Store

    @property
    def location(self) -> Location:
        """Where the store is."""
        return self.store.location

    @patient
    def add(self, sweep: str, wanted: Sequence[Wanted]) -> list[Wanted]:
        """Queue what is not finished yet for ``sweep`` and return it.

        What is queued or trained already, for whomever, stays as it is; what ended otherwise goes on.
        """
        left = []
        with self.store.writing() as session:
            one_at_a_time(session)
            time, now = database_time(session), datetime.now(UTC)
            stored = _best_by_hash(session, [one.spec.hash for one in wanted])
            session.execute(sa.delete(schema.SweepRun).filter_by(sweep=sweep))
            for position, one in enumerate(wanted):
                run = stored.get(one.spec.hash)
                if run is None:
                    run = new_run(one.spec, now)
                    session.add(run)
                elif run.status not in ("finished", "queued") and not is_held(run, time):
                    put_back(run)
                left += [] if run.status == "finished" else [one]
                entry = {"sweep": sweep, "position": position, "command": one.command, "queued_at": now}
                session.add(schema.SweepRun(run_id=run.id, **entry))
        return left

    @patient
    def claim(self, sweep: str | None = None) -> RunRecord | None:
        """Take a run that waits, of ``sweep`` or of any, for this process; None where there is none.

        First come those whose workers died, then the others in their order.
        """
        with self.store.writing() as session:
            now = database_time(session)
            waits = _of(sweep, schema.Run.status == "queued").limit(1).with_for_update(skip_locked=True, of=schema.Run)
            run = self._orphan(session, sweep, now) or session.scalars(waits).first()
            if run is None:
                return None
            hand_over(session, run)
            session.flush()
            return run_record(run, now)

    @patient
    def claim_too(self, run_ids: Sequence[str]) -> list[RunRecord]:
        """Take those of these runs that wait."""
        with self.store.writing() as session:
            now = database_time(session)
            waits = schema.Run.id.in_(run_ids) & (schema.Run.status == "queued")
            runs = list(session.scalars(select(schema.Run).filter(waits).with_for_update(skip_locked=True)))
            for run in runs:
                hand_over(session, run)
            session.flush()
            taken = {run.id: run_record(run, now) for run in runs}
        return [taken[run_id] for run_id in run_ids if run_id in taken]

    def _orphan(self, session: Session, sweep: str | None, now: float) -> schema.Run | None:
        """Return a run whose worker died; where that happens again and again the run has failed instead."""
        query = _of(sweep, schema.Run.status.in_(HELD)).with_for_update(skip_locked=True, of=schema.Run)
        for run in session.scalars(query).unique():
            if is_held(run, now):
                continue
            if run.status == "cancelling":
                run.status = "cancelled"
                continue
            run.deaths += 1
            if run.deaths < MAX_DEATHS:
                return run
            run.status, run.lease_until = "failed", None
            run.error = (
                f"{run.deaths} workers died over it without getting any further, the last one as {owner_of(run)}; "
                f"memory is the usual reason (see its log), `analog resume {run.id[:8]}` tries again"
            )
        return None

    @patient
    def renew(self, run_id: str) -> Wish | None:
        """Renew the lease of a run that this process has, and return what others wish of it."""
        with self.store.writing() as session:
            run = session.get(schema.Run, run_id, with_for_update=True)
            if run is None or run.status not in HELD or owner_of(run) != this_process():
                return None
            run.lease_until = database_time(session) + LEASE_S
            return "cancel" if run.status == "cancelling" else None

    @patient
    def wish(self, run_id: str) -> Wish | None:
        """Return what others wish of a run."""
        with self.store.reading() as session:
            status = session.scalars(select(schema.Run.status).filter_by(id=run_id)).first()
        return "cancel" if status == "cancelling" else None

    @patient
    def release(self, run_id: str) -> None:
        """Put a run that this process has stopped at a checkpoint, or has not begun, back into the queue.

        Raises:
            RunTaken: another process has it.
        """
        with self.store.writing() as session:
            run = own_row(session, run_id, self.location)
            if run.status == "cancelling":
                run.status = "cancelled"
            elif run.status in ("running", "interrupted"):
                put_back(run)

    @patient
    def cancel(self, run_ids: Iterable[str]) -> dict[str, Status]:
        """Cancel runs that are not over and return what has become of each that was not: cancelled or cancelling."""
        changed: dict[str, Status] = {}
        with self.store.writing() as session:
            now = database_time(session)
            for run_id in run_ids:
                run = session.get(schema.Run, run_id, with_for_update=True)
                if run is not None and status_of(run, now) in ("queued", "running", "interrupted"):
                    run.status = changed[run_id] = "cancelling" if is_held(run, now) else "cancelled"
                    run.updated_at = datetime.now(UTC)
        return changed

    @patient
    def waiting(self, sweep: str | None = None) -> list[Queued]:
        """Return the runs of ``sweep``, or of all sweeps, in their order; one that several want comes once."""
        run, entry = schema.Run, schema.SweepRun
        query = select(run, entry).join(entry, entry.run_id == run.id).order_by(entry.queued_at, entry.position)
        query = query.options(load_only(*STANDING))
        query = query.filter(entry.sweep == sweep) if sweep else query
        with self.store.reading() as session:
            now = database_time(session)
            found = {one.id: queued(one, wanted, now) for one, wanted in session.execute(query)}
        return list(found.values())

    @patient
    def sweep(self, name: str) -> str | None:
        """Return the name of the sweep that begins with ``name``, the newest of several; None if none does."""
        query = select(schema.SweepRun.sweep).group_by(schema.SweepRun.sweep)
        with self.store.reading() as session:
            names = list(session.scalars(query.order_by(sa.func.max(schema.SweepRun.queued_at))))
        return next((one for one in reversed(names) if one == name or one.startswith(f"{name}-")), None)


def _of(sweep: str | None, what: sa.ColumnElement[bool]) -> sa.Select[schema.Run]:
    """Return the query for the runs of ``sweep``, or of any, for which ``what`` is true, in their order."""
    entry = schema.SweepRun
    query = select(schema.Run).join(entry, entry.run_id == schema.Run.id).filter(what)
    query = query.filter(entry.sweep == sweep) if sweep else query
    return query.order_by(entry.queued_at, entry.position)


def _best_by_hash(session: Session, hashes: Sequence[str]) -> dict[str, schema.Run]:
    """Return the stored run of each spec: a finished one, else the one that got furthest."""
    run = schema.Run
    epochs = (
        select(sa.func.count())
        .select_from(schema.Epoch)
        .join(schema.Model)
        .filter(schema.Model.run_id == run.id)
        .scalar_subquery()
    )
    best: dict[str, schema.Run] = {}
    for start in range(0, len(hashes), 500):
        chunk = hashes[start : start + 500]
        query = select(run).filter(run.spec_hash.in_(chunk)).options(defer(run.spec), defer(run.resolved_config))
        # The best one comes last, and stays.
        for found in session.scalars(query.order_by(run.status == "finished", epochs, run.created_at)):
            best[found.spec_hash] = found
    return best
