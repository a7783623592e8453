"""Where the source of a user's own device lies, and what is in it; nothing of it is imported here."""

import hashlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

HOW = "give path/to/file.py:Class or package.module:Class"


def split(law: str) -> tuple[str, str]:
    """Return file or module, and class, of ``my_device.py:MyDevice`` or ``package.module:MyDevice``.

    Raises:
        ValueError: it is of neither form.
    """
    where, _, name = law.rpartition(":")
    if not where or not name.isidentifier():
        raise ValueError(f"law = {law!r:.80} does not name a class; {HOW}")
    return where, name


def source(law: str) -> Path:
    """Return the source file of a device class.

    Raises:
        ValueError: there is none.
    """
    where, _ = split(law)
    if where.endswith(".py"):
        path = file_at(where)
        if path is None:
            raise ValueError(f"law = {law!r:.80}: there is no file {where:.80}; {HOW}")
        return path
    found = _installed(where)
    if found is None or found.origin is None or not found.has_location:
        raise ValueError(f"law = {law!r:.80}: there is no module {where:.80}; {HOW}")
    return Path(found.origin)


def file_at(text: str) -> Path | None:
    """Return the path of an existing file, ~ meaning a home folder, or None."""
    try:
        path = Path(text).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # A name that no file system takes, the home of nobody, a zero byte.
        return None


def _installed(module: str) -> ModuleSpec | None:
    """Return where a module lies; :func:`importlib.util.find_spec` would run the packages that it is in."""
    found: ModuleSpec | None = None
    path: Sequence[str] | None = None
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        found = next((s for finder in sys.meta_path if (s := finder.find_spec(name, path))), None)
        if found is None or (depth < len(parts) and found.submodule_search_locations is None):
            return None
        path = found.submodule_search_locations
    return found


def digest(law: str) -> str:
    """Return the SHA-256 of the source file of a device class (64 hex digits).

    Raises:
        ValueError: there is no such file, or it cannot be read.
    """
    return digest_of(source(law), f"law = {law!r:.80}")


def digest_of(path: Path, what: str) -> str:
    """Return the SHA-256 of a file (64 hex digits); ``what`` begins the sentence about one that cannot be read.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as exc:
        raise ValueError(f"{what}: {path} cannot be read ({exc.strerror})") from exc
