"""With what, where and by which command a result was made."""

import platform
import shlex
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from analogcli import __version__
from analogcli.spec import ExecutionOptions
from analogcli.store.location import without_password


@dataclass(frozen=True)
class Provenance:
    """One attempt at a run; ``notes`` says what was not as asked, e.g. that there was no CUDA device."""

    package: str
    python: str
    torch: str
    aihwkit: str | None
    git_commit: str | None
    hostname: str
    device: str
    command_line: str
    options: dict[str, Any]
    data_fingerprint: str | None
    notes: str | None

    def as_columns(self) -> dict[str, Any]:
        """Return the values by column name."""
        return asdict(self)


def collect(options: ExecutionOptions, device: str, data_fingerprint: str | None, notes: str | None) -> Provenance:
    """Return the provenance of a run that starts now in this process."""
    return Provenance(
        package=__version__,
        python=platform.python_version(),
        torch=version_of("torch") or "absent",
        aihwkit=version_of("aihwkit"),
        git_commit=_git_commit(),
        hostname=socket.gethostname(),
        device=device,
        command_line=shlex.join(["analog", *map(without_password, sys.argv[1:])]),
        options=options.model_dump(mode="json"),
        data_fingerprint=data_fingerprint,
        notes=notes,
    )


def version_of(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """Return the commit of the checkout that this package runs from (with + if it was changed), or None."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=5, check=True)
    return done.stdout.strip()
