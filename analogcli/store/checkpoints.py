"""Checkpoint files: written whole or not at all, without pickle, with a digest that the store remembers."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analogcli.errors import StoreError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint on disk; ``path`` is relative to the store's folder."""

    path: str
    sha256: str
    size: int


def write(folder: Path, relative: str, tensors: "dict[str, Tensor]") -> CheckpointFile:
    """Write ``tensors`` (safetensors) to a temporary name, sync, rename.

    Raises:
        StoreError: the disk is full or the folder is not writable; nothing half-written is left.
    """
    from safetensors.torch import save

    payload = save({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()})
    target = folder / relative
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
        temporary.unlink(missing_ok=True)
        raise StoreError(
            f"the checkpoint {target} could not be written: {exc.strerror}; make room or give write permission, "
            "then `analog resume` the run"
        ) from exc
    return CheckpointFile(relative, hashlib.sha256(payload).hexdigest(), len(payload))


def read(folder: Path, checkpoint: CheckpointFile) -> "dict[str, Tensor]":
    """Read a checkpoint back.

    Raises:
        StoreError: the file is missing, or its digest is not the stored one.
    """
    from safetensors.torch import load

    problem = damage(folder, checkpoint)
    if problem:
        raise StoreError(f"{problem}; `analog run --again` trains the run anew")
    return load((folder / checkpoint.path).read_bytes())


def damage(folder: Path, checkpoint: CheckpointFile) -> str | None:
    """Return what is wrong with a checkpoint file in a few words, or None if it is as it was written."""
    path = folder / checkpoint.path
    if not path.is_file():
        return f"the checkpoint {path} is missing"
    if path.stat().st_size != checkpoint.size:
        return f"the checkpoint {path} has {path.stat().st_size} bytes instead of {checkpoint.size}"
    if hashlib.sha256(path.read_bytes()).hexdigest() != checkpoint.sha256:
        return f"the checkpoint {path} was altered (its SHA-256 is not the stored one)"
    return None


def remove(folder: Path, relative: str) -> None:
    """Delete a checkpoint file and the folders that become empty with it."""
    path = folder / relative
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or not parent.is_dir() or any(parent.iterdir()):
            break
        parent.rmdir()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
