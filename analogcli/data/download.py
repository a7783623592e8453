"""Fetching a torchvision set so that a killed, stalled or doubled download never leaves anything that looks complete.

torchvision downloads in a child process, into a folder of its own beside the final place. Only when it has verified
everything are the files renamed into place, each atomically; of two processes that do this at once, the later one
replaces files by equal ones. A child can be ended whatever it waits for (name server, silent mirror, the next mirror).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from analogcli.errors import DataError

PATIENCE = 20.0
"""Longest time without a new byte on the disk [s], counted from the first one."""

PROGRAM = """
import socket, sys
try:
    # Should the parent be killed, this process still ends.
    socket.setdefaulttimeout(60)
    import torchvision.datasets
    # The first byte: to import torchvision may take longer than a server is given to answer.
    open(sys.argv[2] + "/started", "w").write(".")
    getattr(torchvision.datasets, sys.argv[1])(sys.argv[2], download=True)
except Exception as exc:
    print(str(exc) or type(exc).__name__)
    sys.exit(1)
"""


class DownloadFailed(Exception):
    """The reason, in a few words."""


def fetch(name: str, torch_class: str, data_dir: Path, files: Sequence[str], *, progress: bool) -> None:
    """Download the set ``name`` and put ``files`` (relative to ``data_dir``) into place.

    Raises:
        DataError: there is no way to them, with what the user can do about it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=data_dir, ignore_cleanup_errors=True) as unfinished:
            # -P: a random.py in the user's current folder must not be taken for Python's.
            command = [sys.executable, "-P", "-c", PROGRAM, torch_class, unfinished]
            watch(command, Path(unfinished), PATIENCE, progress=progress)
            install(Path(unfinished), data_dir, files)
    except (DownloadFailed, OSError) as exc:
        reason = str(exc) if isinstance(exc, DownloadFailed) else f"{exc.strerror}: {exc.filename}"
        other = "image-folder:DIR" if name.startswith("cifar") else "mnist5k"
        raise DataError(
            f"{name} is not in {data_dir} and cannot be downloaded ({reason}): connect to the internet and run again, "
            f"or point --data-dir or ANALOG_DATA_DIR at a folder that holds {files[0]}, "
            f"or use --dataset {other}, which needs neither."
        ) from exc


def watch(command: Sequence[str], folder: Path, patience: float, *, progress: bool) -> None:
    """Run ``command``; once it has begun to write to ``folder``, end it if it stops doing so for ``patience`` seconds.

    Raises:
        DownloadFailed: with the last line that the command wrote to its standard output.
    """
    stderr = None if progress else subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True) as child:
        try:
            size, since = 0, time.monotonic()
            while child.poll() is None:
                time.sleep(0.1)
                if (now := _size(folder)) != size:
                    size, since = now, time.monotonic()
                if size and time.monotonic() - since > patience:
                    raise DownloadFailed(f"no answer for {patience:.0f} s")
        finally:
            child.kill()
        said = child.stdout.read().split("\n") if child.stdout else []
    if child.returncode:
        lines = [line.strip(" <>") for line in said if line.strip()]
        raise DownloadFailed(lines[-1] if lines else f"the download ended with status {child.returncode}")


def install(unfinished: Path, data_dir: Path, files: Sequence[str]) -> None:
    """Rename ``files`` from the one folder into the other, which is on the same file system."""
    for file in files:
        target = data_dir / file
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(unfinished / file, target)


def _size(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.stat(os.path.join(parent, file)).st_size
            except FileNotFoundError:
                continue
    return total
