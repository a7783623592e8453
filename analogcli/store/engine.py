"""Opening the database: SQLite made safe for several processes, a server's connections, migrations under lock."""

import json
import math
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

from analogcli.errors import StoreError, UsageError
from analogcli.store.explain import explained
from analogcli.store.location import Location

HEAD = "0007"
MIGRATING = 0x616E616C6F67
"""Key of the lock that a server's migrations hold: "analog" in ASCII."""


def connect(location: Location) -> Engine:
    """Return an engine on an existing or new database whose schema is up to date.

    Raises:
        StoreError: it cannot be opened, is not a database, or was written by a newer version.
    """
    with explained(location):
        engine = _sqlite(location, location.file) if location.file else _server(location)
        _migrate(engine, location)
        return engine


def _sqlite(location: Location, file: Path) -> Engine:
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(location.database, connect_args={"timeout": location.lock_timeout}, json_serializer=_json)
    event.listen(engine, "connect", partial(_prepare_sqlite, location.lock_timeout))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _server(location: Location) -> Engine:
    # A server that vanished without a word (power, network) is noticed within a minute, not within hours.
    noticing = {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 60_000}
    url = location.database
    given = {name: value for name, value in noticing.items() if name not in url.query}
    try:
        engine = sa.create_engine(url, connect_args=given, pool_pre_ping=True, json_serializer=_json)
    except ImportError as exc:
        raise UsageError(
            f"--store {location} needs a driver that is not installed ({exc}); "
            "`pip install 'analogcli[postgres]'` installs it"
        ) from exc
    event.listen(engine, "connect", partial(_prepare_server, location.lock_timeout))
    return engine


def _json(value: Any) -> str:
    """Return JSON as the standard and PostgreSQL know it: what is not a number, or infinite, is null."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(value))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _prepare_server(lock_timeout: float, connection: Any, record: Any) -> None:
    # As with SQLite: what somebody else holds is waited for, and not for ever.
    connection.execute(f"SET lock_timeout = '{lock_timeout:g}s'")
    connection.commit()


def _prepare_sqlite(timeout: float, connection: Any, record: Any) -> None:
    # The driver's own transaction control would begin late and deferred; BEGIN is ours (_begin_sqlite).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {round(1000 * timeout)}")
    cursor.execute("PRAGMA foreign_keys = ON")
    _use_wal(cursor, timeout)
    # NORMAL would be enough for the rows alone; but an older checkpoint is deleted once the newer one is recorded,
    # and a power cut must not take that record back.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor, timeout: float) -> None:
    # Two processes that both open a fresh file would wait for each other: SQLite tells one of them at once that it
    # is locked, whatever the busy timeout.
    end = time.monotonic() + timeout
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    while True:
        written = _data_version(connection)
        try:
            # A transaction that reads first and writes later can fail with SQLITE_BUSY at once, whatever the timeout;
            # one that begins IMMEDIATE waits for its turn.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as exc:
            # SQLite does not queue who waits: of very many writers one may have bad luck for longer than the timeout.
            # Only a lock under which nothing is written all that time is one that somebody has forgotten.
            if "locked" not in str(exc.orig) or _data_version(connection) == written:
                raise


def _data_version(connection: Connection) -> int:
    """Return a number that changes whenever another connection has written."""
    version: int = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    return version


def _migrate(engine: Engine, location: Location) -> None:
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if not location.file:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
        version = _version(connection)  # again, under the lock: another process may have done it meanwhile
        if version == HEAD:
            return
        if version is not None and version > HEAD:
            raise StoreError(f"the store {location} was written by a newer analog (schema {version}); update analog.")
        if version is None and sa.inspect(connection).get_table_names():
            raise StoreError(f"the store {location} is a database of something else; choose another --store.")
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
