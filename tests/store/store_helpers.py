"""Runs for the store to keep, made without training."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from analogcli.registry import load
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import CheckpointFile, EpochRecord, ModelEpoch, ModelRecord, Provenance, Store, collect

registry = cache(load)
NO_FILE = CheckpointFile("checkpoints/none/model-0/epoch-0000.safetensors", "0" * 64, 0)
"""For tests that ask only about rows."""


def spec(**overrides: Any) -> RunSpec:
    """A small valid spec; keyword arguments are leaves of its top level."""
    return registry(None).spec("digits-fcn", overrides=overrides)


@cache
def provenance() -> Provenance:
    """Where and with what this process would train."""
    return collect(ExecutionOptions(), "cpu", "fingerprint", None)


def begin(store: Store, **overrides: Any) -> str:
    """A run that this process has just begun."""
    return store.begin(spec(**overrides), provenance(), repeatable=True, resolved={})


def take_over(store: Store, run_id: str) -> None:
    """Let this process go on with a run."""
    store.take_over(run_id, provenance(), repeatable=True, resolved={})


def epoch(number: int, accuracy: float = 0.5) -> EpochRecord:
    """A record of an epoch."""
    return EpochRecord(number, 1.5, 1.25, accuracy, 1e-3, 0.1, 2.0)


def train_one(store: Store, run_id: str, model: ModelRecord, number: int) -> CheckpointFile:
    """Record an epoch with a checkpoint file that holds its number."""
    import torch

    file = store.save_state(run_id, model.index, f"epoch-{number:04d}", {"epoch": torch.tensor(number)})
    store.record_epochs([ModelEpoch(model.id, epoch(number), {"train_loss": np.arange(number)}, file)])
    return file


def files_of(store: Store) -> list[Path]:
    """Every file below the checkpoint folder."""
    return sorted(path for path in (store.folder / "checkpoints").rglob("*") if path.is_file())
