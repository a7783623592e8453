"""Who has a run: the one process that may write it, under a lease that the database's own clock measures."""

import os
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from analogcli.errors import RunTaken, StoreError
from analogcli.store import schema
from analogcli.store.location import Location
from analogcli.store.processes import this_process
from analogcli.store.rows import owner_of

LEASE_S = 60.0
"""How long a worker that cannot be looked for is taken to live after it was last heard of [s]."""
ONE_AT_A_TIME = 0x717565756564
"""Key of the lock under which a server's specs are looked for and stored: "queued" in ASCII."""


class _Now(FunctionElement[float]):
    """The database's time [s since 1970], not that at which the transaction began."""

    type = sa.Double()
    inherit_cache = True


@compiles(_Now, "sqlite")
def _now_sqlite(element: Any, compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(_Now, "postgresql")
def _now_postgresql(element: Any, compiler: Any, **_: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


def database_time(session: Session) -> float:
    """Return the database's time [s since 1970]."""
    return float(session.scalars(select(_Now())).one())


def one_at_a_time(session: Session) -> None:
    """Wait until nobody else is between looking for a spec and storing it; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.func.pg_advisory_xact_lock(ONE_AT_A_TIME))


def row_of(session: Session, run_id: str, location: Location) -> schema.Run:
    """Return the row of a run, for this transaction alone to write.

    Raises:
        StoreError: there is no such run any more.
    """
    # SQLite has one writer at a time; on a server the row waits for whoever else writes it.
    run = session.get(schema.Run, run_id, with_for_update=True)
    if run is None:
        raise StoreError(f"run {run_id[:8]} is no longer in the store {location}; it was deleted meanwhile.")
    return run


def own_row(session: Session, run_id: str, location: Location) -> schema.Run:
    """Return the row of a run that this process may write: the last one that has begun it, or gone on with it.

    Raises:
        RunTaken: another process has it by now.
        StoreError: there is no such run any more.
    """
    run = row_of(session, run_id, location)
    if owner_of(run) != this_process():
        by_now = f"{run.status} by now, as this process had not been heard of"
        raise RunTaken(
            f"run {run_id[:8]} is {by_now}{f' (it went to {owner_of(run)})' if run.pid else ''}; "
            "what was recorded of it until then is kept"
        )
    return run


def hand_over(session: Session, run: schema.Run) -> None:
    """Make this process the one that trains a run, until its lease ends."""
    owner = this_process()
    if run.status != "cancelling" or owner_of(run) != owner:
        run.status = "running"
    run.error, run.updated_at = None, datetime.now(UTC)
    run.hostname, run.pid, run.process_started, run.place = owner.hostname, owner.pid, owner.started, owner.place
    run.worker, run.lease_until = _worker_name(), database_time(session) + LEASE_S


def put_back(run: schema.Run) -> None:
    """Take a run from whoever has it and let it wait in the queue."""
    run.status, run.error, run.deaths, run.updated_at = "queued", None, 0, datetime.now(UTC)
    # Nobody has it: what its last process may still want to record is refused.
    run.hostname = run.pid = run.process_started = run.place = run.worker = run.lease_until = None


def _worker_name() -> str:
    job, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    job = f"{job}_{task}" if job and task else os.environ.get("SLURM_JOB_ID")
    return f"job {job}" if job else f"process {os.getpid()}"
