"""Where the source of a user's own device lies, and what is in it; nothing of it is imported here."""

import hashlib
import importlib.util
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
        path = Path(where)
        if not path.is_file():
            raise ValueError(f"law = {law!r:.80}: there is no file {where}; {HOW}")
        return path
    try:
        found = importlib.util.find_spec(where)
    except (ImportError, ValueError) as exc:
        raise ValueError(f"law = {law!r:.80}: there is no module {where} ({exc}); {HOW}") from exc
    if found is None or found.origin is None or not found.has_location:
        raise ValueError(f"law = {law!r:.80}: there is no module {where}; {HOW}")
    return Path(found.origin)


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
