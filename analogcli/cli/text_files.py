"""Text that a path on the command line leads to."""

from pathlib import Path


def text_of(option: str, path: Path) -> str:
    """Return the text of the file that ``option`` names.

    Raises:
        UsageError: it cannot be read, or is no text.
    """
    from analogcli.errors import UsageError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", "it is not text")
        raise UsageError(f"{option} {path} cannot be read: {reason}; give another path") from exc
