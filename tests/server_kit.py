"""A real PostgreSQL server for tests: in a folder of its own, on a port of its own, gone afterwards."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

PASSWORD = "open-sesame"
"""Must never be seen in what a user reads."""
PROGRAMS = ("/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin")
"""Where Debian and Ubuntu put the programs; on other machines they are on the PATH."""


class Server:
    """A PostgreSQL server with one user, ``postgres``."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._data, self._programs = folder / "data", programs
        self.port = _free_port()
        self._numbers = count()
        self._options = f"-c listen_addresses=127.0.0.1 -p {self.port} -c unix_socket_directories={folder} -c fsync=off"

    @property
    def url(self) -> str:
        """The address of its first database."""
        return self.url_of("postgres")

    def url_of(self, database: str, port: int | None = None) -> str:
        """The address of a database."""
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def make(self) -> None:
        """Make the cluster of databases."""
        password = self._data.parent / "password"
        password.write_text(PASSWORD)
        self._call("initdb", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-locale", "--no-sync")

    def start(self) -> None:
        """Start, and wait until it answers."""
        log = str(self._data.parent / "log")
        self._call("pg_ctl", "-w", "-l", log, "-o", self._options, "start")

    def stop(self, how: str = "fast") -> None:
        """Stop; ``immediate`` is as a crash."""
        self._call("pg_ctl", "-m", how, "-w", "stop")

    def new(self) -> str:
        """The address of a new, empty database."""
        name = f"t{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url_of(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it: all of them together would take long to delete."""
        self.sql(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def sql(self, statement: str, url: str | None = None) -> Sequence[Sequence[object]]:
        """Carry out a statement outside of any transaction and return its rows."""
        import psycopg

        with psycopg.connect(url or self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def _call(self, program: str, *arguments: str) -> None:
        # It refuses to run as root; the user `postgres` comes with the package.
        user = "postgres" if os.geteuid() == 0 else None
        subprocess.run(
            [str(self._programs / program), "-D", str(self._data), *arguments],
            check=True,
            user=user,
            cwd=self._data.parent,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )


def obstacle() -> str:
    """Why there can be no server here, or nothing."""
    if programs() is None:
        return "PostgreSQL's programs (initdb, pg_ctl) are not here; on Debian: apt-get install postgresql"
    if os.geteuid() == 0:
        import pwd

        if "postgres" not in {user.pw_name for user in pwd.getpwall()}:
            return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs."""
    found = shutil.which("pg_ctl", path=os.pathsep.join([os.environ.get("PATH", ""), *PROGRAMS]))
    return Path(found).resolve().parent if found else None


@contextmanager
def running() -> Iterator[Server]:
    """Start a server in a temporary folder, and stop it at the end."""
    where = programs()
    assert where is not None
    folder = Path(tempfile.mkdtemp(prefix="analog-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server = Server(folder, where)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
