"""What a database says when something fails, as one sentence with the way out, and what of it passes by waiting."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from analogcli.errors import StoreError
from analogcli.store.location import Location, without_password

Sentences = Mapping[tuple[str, ...], str]
"""What follows "the store …", by the signs in the database's own words; {}: those words."""

SQLITE: Sentences = {
    ("database is locked",): "was locked by another process for {locked}; try again, or see who holds it",
    ("disk is full",): "could not be written: the disk is full; make room, then `analog resume` the run",
    ("readonly database",): "is read-only; give write permission or choose another --store",
    ("unable to open",): "cannot be opened; check that its folder may be written, or choose another --store",
    ("not a database",): "is not an analog store; choose another --store",
    ("malformed",): "is damaged; `analog store check` tells more, a copy can be made with `sqlite3 FILE .recover`",
    ("I/O error",): "could not be read or written (input/output error); check the disk",
}
AWAY: Sentences = {
    (
        "starting up", "shutting down", "terminating connection", "server closed the connection", "not accepting",
        "connection is lost", "connection is closed", "the connection is bad", "consuming input failed",
        "recovery mode",
    ): "lost its server ({}); once that is back, `analog resume` the run",
    (
        "refused", "timeout expired", "timed out", "is the server running", "unreachable", "No route to host",
    ): "is not reachable ({}); is the server running, and are host and port right?",
    (
        "too many clients", "connection slots", "too many connections",
    ): "has no connection left; raise max_connections of the server, or use fewer workers",
    ("deadlock detected",): "could not be written: {}; try again",
}  # fmt: skip
"""What a server says when it is away or busy: what was asked may be asked again."""
SERVER: Sentences = {
    (
        "resolve host", "translate host name",
    ): "has a host that is not known; check its name in the URL",
    (
        "authentication failed", "no password supplied", "role ",
    ): "does not accept this user or password; give the right ones in the URL or in ~/.pgpass",
    ("pg_hba.conf",): "does not let this user in from this machine; its pg_hba.conf must allow it",
    ("database ",): "is not there ({}); make it with `createdb`, or choose another --store",
    (
        "permission denied", "must be owner",
    ): "may not be used so by this user ({}); have its owner grant it, or choose another user",
    ("No space left", "could not extend"): "could not be written: the disk is full; make room, then `analog resume` "
    "the run",
    ("read-only transaction",): "is read-only; choose another --store, or a user who may write",
    ("lock timeout",): "was locked by another process for {locked}; try again, or see who holds it",
}  # fmt: skip


class ServerAway(StoreError):
    """The server is away or busy: nothing was done, and it may be asked again."""


@contextmanager
def explained(location: Location) -> Iterator[None]:
    """Turn database errors into one sentence with the way out."""
    try:
        yield
    except DBAPIError as exc:
        raise _reason(exc, location) from exc
    except SQLAlchemyError as exc:
        raise StoreError(f"the store {location} failed: {without_password(str(exc).splitlines()[0])}") from exc
    except OSError as exc:
        where = exc.filename or location.folder
        raise StoreError(f"{where}: {exc.strerror}; mend that or choose another --store") from exc


def _reason(exc: DBAPIError, location: Location) -> StoreError:
    said = str(exc.orig)
    if location.file:
        # SQLite calls it an input/output error when the file that its processes share cannot grow.
        said = "disk is full" if "I/O error" in said and _is_full(location.folder) else said
        return StoreError(_sentence(said, SQLITE, location) or _unknown(said, location))
    away = _sentence(said, AWAY, location)
    if away or exc.connection_invalidated:
        return ServerAway(away or _unknown(said, location))
    return StoreError(_sentence(said, SERVER, location) or _unknown(said, location))


def _sentence(said: str, sentences: Sentences, location: Location) -> str | None:
    for signs, sentence in sentences.items():
        if any(sign in said for sign in signs):
            words = sentence.replace("{locked}", f"{location.lock_timeout:g} s").replace("{}", _first_line(said))
            return f"the store {location} {words}{'' if words.endswith('?') else '.'}"
    return None


def _unknown(said: str, location: Location) -> str:
    return f"the store {location} failed: {_first_line(said) or 'unknown error'}"


def _first_line(said: str) -> str:
    """Return the server's own words: the driver puts the address that it tried before them."""
    line = said.strip().splitlines()[0] if said.strip() else ""
    return without_password(line.rpartition("FATAL:")[2].rpartition("failed: ")[2].strip())


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 2**16
    except OSError:
        return False
