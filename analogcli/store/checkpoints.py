"""Checkpoint files: written whole or not at all, without pickle, with a digest that the store remembers."""

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from analogcli.errors import StoreError

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "checkpoints"


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint on disk; ``path`` is relative to the store's folder."""

    path: str
    sha256: str
    size: int


def write(folder: Path, relative: str, tensors: "dict[str, Tensor]") -> CheckpointFile:
    """Write ``tensors`` as safetensors.

    Raises:
        StoreError: the disk is full or the folder is not writable; nothing half-written is left.
    """
    from safetensors.torch import save

    payload = save({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()})
    put(folder, relative, payload)
    return CheckpointFile(relative, hashlib.sha256(payload).hexdigest(), len(payload))


def put(folder: Path, relative: str, payload: bytes) -> None:
    """Write a file to a temporary name, sync, rename.

    Raises:
        StoreError: the disk is full or the folder is not writable; nothing half-written is left.
    """
    target = _path(folder, relative)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as exc:
        with suppress(OSError):
            temporary.unlink()
        raise StoreError(
            f"the checkpoint {target} could not be written: {exc.strerror}; make room or give write permission, "
            "then `analog resume` the run"
        ) from exc


def read(folder: Path, checkpoint: CheckpointFile) -> "dict[str, Tensor]":
    """Read a checkpoint back.

    Raises:
        StoreError: the file is missing, or its digest is not the stored one.
    """
    from safetensors.torch import load

    try:
        return load(payload(folder, checkpoint))
    except StoreError as exc:
        raise StoreError(f"{exc}; `analog run --again` trains the run anew") from exc


def payload(folder: Path, checkpoint: CheckpointFile) -> bytes:
    """Return the bytes of a checkpoint file, which are those that were written.

    Raises:
        StoreError: the file is missing, or its digest is not the stored one; in a few words.
    """
    path = _path(folder, checkpoint.path)
    try:
        read = path.read_bytes()
    except FileNotFoundError as exc:
        raise StoreError(f"the checkpoint {path} is missing") from exc
    except OSError as exc:
        raise StoreError(f"the checkpoint {path} cannot be read ({exc.strerror})") from exc
    if len(read) != checkpoint.size:
        raise StoreError(f"the checkpoint {path} has {len(read)} bytes instead of {checkpoint.size}")
    if hashlib.sha256(read).hexdigest() != checkpoint.sha256:
        raise StoreError(f"the checkpoint {path} was altered (its SHA-256 is not the stored one)")
    return read


def damage(folder: Path, checkpoint: CheckpointFile) -> str | None:
    """Return what is wrong with a checkpoint file in a few words, or None if it is as it was written."""
    try:
        payload(folder, checkpoint)
    except StoreError as exc:
        return str(exc)
    return None


def keep_only(folder: Path, checkpoint: CheckpointFile) -> None:
    """Delete whatever lies beside a model's checkpoint: older ones, and what a killed process left half-written."""
    path = _path(folder, checkpoint.path)
    # A file that cannot be deleted costs room, nothing else; the next checkpoint tries again.
    with suppress(OSError):
        for other in path.parent.iterdir():
            if other != path:
                other.unlink()


def remove_all(folder: Path, run_id: str) -> None:
    """Delete every checkpoint file of a run, recorded or not.

    Raises:
        OSError: something cannot be deleted.
        StoreError: the id is none.
    """
    root, own = folder / FOLDER, _path(folder, f"{FOLDER}/{run_id}")
    if own.exists():
        shutil.rmtree(own)
    if root.is_dir() and not any(root.iterdir()):
        root.rmdir()


def _path(folder: Path, relative: str) -> Path:
    """Return where a file lies; a database that somebody else made may hold any text."""
    parts = PurePosixPath(relative).parts
    if len(parts) < 2 or parts[0] != FOLDER or ".." in parts:
        raise StoreError(f"the store names a checkpoint outside of its folder, {relative!r:.80}; do not use it")
    return folder / relative


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
