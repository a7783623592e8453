"""Where results are kept: runs, models, epochs, series, checkpoints and their provenance."""

from analogcli.store.checkpoints import CheckpointFile
from analogcli.store.engine import DEFAULT_STORE, Location, locate
from analogcli.store.provenance import Provenance, collect, version_of
from analogcli.store.store import Store
from analogcli.store.values import (
    BEFORE,
    RELAXED,
    EpochRecord,
    InferenceRecord,
    ModelEpoch,
    ModelRecord,
    RunRecord,
    SavedState,
)

__all__ = [
    "BEFORE",
    "DEFAULT_STORE",
    "RELAXED",
    "CheckpointFile",
    "EpochRecord",
    "InferenceRecord",
    "Location",
    "ModelEpoch",
    "ModelRecord",
    "Provenance",
    "RunRecord",
    "SavedState",
    "Store",
    "collect",
    "locate",
    "version_of",
]
