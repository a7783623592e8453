"""Where a store is: a SQLite file by its path, or a PostgreSQL database by its URL; passwords are never shown."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from analogcli.errors import UsageError

DEFAULT_STORE = "results/analog.db"
LOCKED_S = 30
"""How long another process may hold a lock, on a SQLite file or in a server, before who waits for it gives up."""
AWAY_S = 300
"""How long a server may be away, e.g. to be restarted, before what is to be written fails."""
POSTGRESQL = "postgresql+psycopg"


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
        """What --store takes to open it again in another process, wherever that runs; it holds the password."""
        if self.file is None:
            return self.url.render_as_string(hide_password=False)
        file = str(self.file.absolute())
        return self.url.set(database=file).render_as_string(hide_password=False) if self.url.query else file

    @property
    def timeout(self) -> float:
        """How long to wait for a locked SQLite file (30) or a server that is away (300): ``?timeout=`` of the URL [s].

        Raises:
            UsageError: it is not a number.
        """
        text = self.url.query.get("timeout", LOCKED_S if self.file else AWAY_S)
        try:
            return max(float(str(text)), 0.0)
        except ValueError as exc:
            raise UsageError(f"--store {self}: timeout={text!r} is not a number of seconds") from exc

    @property
    def lock_timeout(self) -> float:
        """How long to wait for what another process has locked [s]; ``?timeout=`` says it of a SQLite file alone.

        Raises:
            UsageError: that is not a number.
        """
        return self.timeout if self.file else float(LOCKED_S)

    @property
    def checkpoints(self) -> str | None:
        """Where checkpoints shall lie: ``?checkpoints=`` of the URL, a folder or a URL of fsspec."""
        place = self.url.query.get("checkpoints")
        return str(place) if place else None

    @property
    def database(self) -> URL:
        """The URL as its driver knows it."""
        return self.url.difference_update_query(["timeout", "checkpoints"])

    def __str__(self) -> str:
        return str(self.file) if self.file else without_password(self.url.render_as_string(hide_password=True))


def locate(store: str | None) -> Location:
    """Return the place of ``store`` (a path or a URL), else of ANALOG_STORE, else the default.

    Raises:
        UsageError: it is neither, or no store can be there.
    """
    text = store or os.environ.get("ANALOG_STORE") or DEFAULT_STORE
    if "://" not in text:
        path = Path(text).expanduser()
        path = path / "analog.db" if path.is_dir() else path
        return Location(URL.create("sqlite", database=str(path)), path.parent)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as exc:
        raise UsageError(_neither(text)) from exc
    match url.get_backend_name():
        case "sqlite" if url.database in (None, "", ":memory:"):
            raise UsageError(f"--store {text!r} is a store in memory, gone when the command ends; name a file")
        case "sqlite":
            return Location(_absolute(url.set(drivername="sqlite")), Path(str(url.database)).parent)
        case "postgresql" | "postgres":
            return Location(_absolute(url.set(drivername=POSTGRESQL)), Path(DEFAULT_STORE).parent)
    raise UsageError(_neither(text))


def without_password(text: str) -> str:
    """Return ``text`` with *** in place of the password of a URL in it, also of one that is not well written."""
    text = re.sub(r"(\w://[^:/@\s]*):\S*@", r"\1:***@", text)
    return re.sub(r"([?&](?:ssl)?password=)[^&\s]*", r"\1***", text)


def _absolute(url: URL) -> URL:
    """Return a URL whose folder of checkpoints is the same one for a process elsewhere."""
    place = str(url.query.get("checkpoints", ""))
    is_folder = place and "://" not in place
    return url.update_query_dict({"checkpoints": str(Path(place).expanduser().absolute())}) if is_folder else url


def _neither(text: str) -> str:
    return (
        f"--store {without_password(text)!r} is neither a path nor a URL like sqlite:///results/analog.db or "
        "postgresql://user@host/database"
    )
