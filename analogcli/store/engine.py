"""Opening the database: SQLite made safe for several processes, migrations under lock, errors in plain words."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from analogcli.errors import StoreError, UsageError

DEFAULT_STORE = "results/analog.db"
HEAD = "0004"
BUSY_TIMEOUT_S = 30


@dataclass(frozen=True)
class Location:
    """Where a store is: the database, and the folder for its files."""

    url: URL
    folder: Path

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None for a database server."""
        is_sqlite = self.url.get_backend_name() == "sqlite"
        return Path(self.url.database) if is_sqlite and self.url.database else None

    @property
    def address(self) -> str:
        """What --store takes to open it again in another process, wherever that runs."""
        if self.file is None:
            return self.url.render_as_string(hide_password=False)
        file = str(self.file.absolute())
        return self.url.set(database=file).render_as_string(hide_password=False) if self.url.query else file

    @property
    def timeout(self) -> float:
        """How long to wait for another process that has the SQLite file locked [s]: ``?timeout=`` of the URL, or 30.

        Raises:
            UsageError: it is not a number.
        """
        text = self.url.query.get("timeout", BUSY_TIMEOUT_S)
        try:
            return max(float(str(text)), 0.0)
        except ValueError as exc:
            raise UsageError(f"--store {self.url}: timeout={text!r} is not a number of seconds") from exc

    def __str__(self) -> str:
        return str(self.file) if self.file else self.url.render_as_string(hide_password=True)


def locate(store: str | None) -> Location:
    """Return the place of ``store`` (a path or a SQLAlchemy URL), else of ANALOG_STORE, else the default."""
    text = store or os.environ.get("ANALOG_STORE") or DEFAULT_STORE
    if "://" not in text:
        path = Path(text).expanduser()
        path = path / "analog.db" if path.is_dir() else path
        return Location(URL.create("sqlite", database=str(path)), path.parent)
    try:
        url = make_url(text)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as exc:
        raise UsageError(f"--store {text!r} is neither a path nor a URL like sqlite:///results/analog.db") from exc
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise UsageError(f"--store {text!r} is a store in memory, gone when the command ends; name a file")
        return Location(url, Path(str(url.database)).parent)
    return Location(url, Path(DEFAULT_STORE).parent)


def connect(location: Location) -> Engine:
    """Return an engine on an existing or new database whose schema is up to date.

    Raises:
        StoreError: it cannot be opened, is not a database, or was written by a newer version.
    """
    with explained(location):
        if location.file:
            location.file.parent.mkdir(parents=True, exist_ok=True)
            engine = sa.create_engine(location.url, connect_args={"timeout": location.timeout})
            event.listen(engine, "connect", partial(_prepare_sqlite, location.timeout))
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = _server(location)
        _migrate(engine, location)
        return engine


def _server(location: Location) -> Engine:
    try:
        return sa.create_engine(location.url, pool_pre_ping=True)
    except ImportError as exc:
        raise UsageError(f"--store {location} needs the Python package {exc.name}; pip install {exc.name}") from exc


@contextmanager
def explained(location: Location) -> Iterator[None]:
    """Turn database errors into one sentence with the way out."""
    try:
        yield
    except DBAPIError as exc:
        raise StoreError(_reason(str(exc.orig), location)) from exc
    except SQLAlchemyError as exc:
        raise StoreError(f"the store {location} failed: {str(exc).splitlines()[0]}") from exc
    except OSError as exc:
        where = exc.filename or location.folder
        raise StoreError(f"{where}: {exc.strerror}; mend that or choose another --store") from exc


def _reason(text: str, location: Location) -> str:
    waited = f"{location.timeout:g} s"
    cases = {
        "database is locked": f"was locked by another process for {waited}; try again, or see who holds it",
        "disk is full": "could not be written: the disk is full; make room, then `analog resume` the run",
        "readonly database": "is read-only; give write permission or choose another --store",
        "unable to open": "cannot be opened; check that its folder may be written, or choose another --store",
        "not a database": "is not an analog store; choose another --store",
        "malformed": "is damaged; `analog store check` tells more, a copy can be made with `sqlite3 FILE .recover`",
        "I/O error": "could not be read or written (input/output error); check the disk",
    }
    for sign, sentence in cases.items():
        # SQLite calls it an input/output error when the file that its processes share cannot grow.
        if sign in text or (sign == "disk is full" and "I/O error" in text and _is_full(location.folder)):
            return f"the store {location} {sentence}."
    return f"the store {location} failed: {text.splitlines()[0] if text else 'unknown error'}"


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 2**16
    except OSError:
        return False


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
    # A transaction that reads first and writes later can fail with SQLITE_BUSY at once, whatever the timeout;
    # one that begins IMMEDIATE waits for its turn.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: Engine, location: Location) -> None:
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
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
