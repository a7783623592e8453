"""Checkpoint files: written whole or not at all, without pickle, with a digest that the store remembers."""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from analogcli.errors import StoreError
from analogcli.store.files import Files

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "checkpoints"


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint; ``path`` is relative to where the store keeps its checkpoints."""

    path: str
    sha256: str
    size: int


def write(files: Files, relative: str, tensors: "dict[str, Tensor]") -> CheckpointFile:
    """Write ``tensors`` as safetensors.

    Raises:
        StoreError: the disk is full or the folder is not writable; nothing half-written is left.
    """
    from safetensors.torch import save

    payload = save({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()})
    put(files, relative, payload)
    return CheckpointFile(relative, hashlib.sha256(payload).hexdigest(), len(payload))


def put(files: Files, relative: str, payload: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        StoreError: the disk is full or the folder is not writable; nothing half-written is left.
    """
    _check(relative)
    try:
        files.put(relative, payload)
    except OSError as exc:
        raise StoreError(
            f"the checkpoint {files.at(relative)} could not be written: {exc.strerror}; make room or give write "
            "permission, then `analog resume` the run"
        ) from exc


def read(files: Files, checkpoint: CheckpointFile) -> "dict[str, Tensor]":
    """Read a checkpoint back.

    Raises:
        StoreError: the file is missing, or its digest is not the stored one.
    """
    from safetensors.torch import load

    try:
        return load(payload(files, checkpoint))
    except StoreError as exc:
        raise StoreError(f"{exc}; bring it back, or `analog run --again` trains the run anew") from exc


def payload(files: Files, checkpoint: CheckpointFile) -> bytes:
    """Return the bytes of a checkpoint file, which are those that were written.

    Raises:
        StoreError: the file is missing, or its digest is not the stored one; in a few words.
    """
    _check(checkpoint.path)
    path = files.at(checkpoint.path)
    try:
        read = files.get(checkpoint.path)
    except FileNotFoundError as exc:
        raise StoreError(f"the checkpoint {path} is missing") from exc
    except OSError as exc:
        raise StoreError(f"the checkpoint {path} cannot be read ({exc.strerror})") from exc
    if len(read) != checkpoint.size:
        raise StoreError(f"the checkpoint {path} has {len(read)} bytes instead of {checkpoint.size}")
    if hashlib.sha256(read).hexdigest() != checkpoint.sha256:
        raise StoreError(f"the checkpoint {path} was altered (its SHA-256 is not the stored one)")
    return read


def damage(files: Files, checkpoint: CheckpointFile) -> str | None:
    """Return what is wrong with a checkpoint file in a few words, or None if it is as it was written."""
    try:
        payload(files, checkpoint)
    except StoreError as exc:
        return str(exc)
    return None


def keep_only(files: Files, checkpoint: CheckpointFile) -> None:
    """Delete whatever lies beside a model's checkpoint: older ones, and what a killed process left half-written."""
    _check(checkpoint.path)
    files.keep_only(checkpoint.path)


def remove_all(files: Files, run_id: str) -> None:
    """Delete every checkpoint file of a run, recorded or not.

    Raises:
        OSError: something cannot be deleted.
        StoreError: the id is none.
    """
    _check(f"{FOLDER}/{run_id}")
    files.remove(f"{FOLDER}/{run_id}")


def _check(relative: str) -> None:
    """Refuse a name that leads elsewhere; a database that somebody else made may hold any text."""
    parts = PurePosixPath(relative).parts
    if len(parts) < 2 or parts[0] != FOLDER or ".." in parts:
        raise StoreError(f"the store names a checkpoint outside of its folder, {relative!r:.80}; do not use it")
