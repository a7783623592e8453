"""Where checkpoint files lie: in a folder, or wherever fsspec reaches, such as an object store."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from analogcli.errors import UsageError


class Files(Protocol):
    """A place for files, by names relative to it; whatever goes wrong there is an OSError."""

    @property
    def address(self) -> str:
        """What names the place in another process, wherever that runs."""
        ...

    def at(self, relative: str) -> str:
        """Return where a file lies, for people to read."""
        ...

    def put(self, relative: str, payload: bytes) -> None:
        """Write a file; once this returns it is there whole, whatever happens to this process or machine."""
        ...

    def get(self, relative: str) -> bytes:
        """Return what is in a file.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def keep_only(self, relative: str) -> None:
        """Delete what lies beside a file; what cannot be deleted costs room, nothing else."""
        ...

    def remove(self, relative: str) -> None:
        """Delete a folder and all that is in it."""
        ...


def files_at(place: str) -> Files:
    """Return the files in a folder, or at a URL of fsspec (https://filesystem-spec.readthedocs.io)."""
    is_folder = "://" not in place or place.startswith("file://")
    return FolderFiles(Path(place.removeprefix("file://"))) if is_folder else RemoteFiles(place)


@dataclass(frozen=True)
class FolderFiles:
    """Files in a folder: written to a temporary name, synced, renamed."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def address(self) -> str:
        return str(self.folder.resolve())

    def at(self, relative: str) -> str:
        return str(self.folder / relative)

    def put(self, relative: str, payload: bytes) -> None:
        target = self.folder / relative
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync_folder(target.parent)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise

    def get(self, relative: str) -> bytes:
        return (self.folder / relative).read_bytes()

    def keep_only(self, relative: str) -> None:
        path = self.folder / relative
        with suppress(OSError):
            for other in path.parent.iterdir():
                if other != path:
                    other.unlink()

    def remove(self, relative: str) -> None:
        own = self.folder / relative
        if own.exists():
            shutil.rmtree(own)
        if own.parent.is_dir() and not any(own.parent.iterdir()):
            own.parent.rmdir()


@dataclass(frozen=True)
class RemoteFiles:
    """Files at a URL of fsspec, whose driver is loaded once it is needed, and signs in as it is set up to."""

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def address(self) -> str:
        return self.url.rstrip("/")

    def check(self) -> None:
        """Find out whether there is such a kind of place.

        Raises:
            UsageError: there is none here, or it would not outlive this process.
        """
        if "memory" in self._system.protocol:
            raise UsageError(f"checkpoints={self.url} is in memory, gone when the command ends; name a folder")

    def at(self, relative: str) -> str:
        return f"{self.address}/{relative}"

    def put(self, relative: str, payload: bytes) -> None:
        path = self._path(relative)
        with self._explained():
            self._system.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
            self._system.pipe_file(path, payload)
            self._system.invalidate_cache()
            written = self._system.size(path)
        # The older checkpoint is deleted once this one is recorded.
        if written != len(payload):
            raise OSError(0, f"{written} of {len(payload)} bytes arrived")

    def get(self, relative: str) -> bytes:
        with self._explained():
            content: bytes = self._system.cat_file(self._path(relative))
            return content

    def keep_only(self, relative: str) -> None:
        path = PurePosixPath(self._path(relative))
        with suppress(OSError), self._explained():
            self._system.invalidate_cache()
            for other in self._system.ls(str(path.parent), detail=False):
                if PurePosixPath(other).name != path.name:
                    self._system.rm_file(other)

    def remove(self, relative: str) -> None:
        path = self._path(relative)
        with self._explained():
            self._system.invalidate_cache()
            if self._system.exists(path):
                self._system.rm(path, recursive=True)

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        try:
            system, root = url_to_fs(self.url)
        except (ImportError, ValueError) as exc:
            raise UsageError(f"checkpoints={self.url} is no folder and no URL that can be used here: {exc}") from exc
        return system, str(root)

    @property
    def _system(self) -> Any:
        return self._opened[0]

    def _path(self, relative: str) -> str:
        return f"{self._opened[1].rstrip('/')}/{relative}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Whatever a driver raises (each has errors of its own) is an OSError with its words."""
        try:
            yield
        except OSError as exc:
            if exc.strerror is None:
                raise type(exc)(exc.errno or 0, str(exc) or type(exc).__name__) from exc
            raise
        except Exception as exc:
            raise OSError(0, f"{type(exc).__name__}: {exc}") from exc


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
