"""Where results are kept: runs, models, epochs, series, checkpoints and their provenance."""

from analogcli.store.checkpoints import CheckpointFile
from analogcli.store.claims import LEASE_S
from analogcli.store.copy import WHAT, Copied, copy_runs
from analogcli.store.inferences import Inferences
from analogcli.store.location import DEFAULT_STORE, Location, locate
from analogcli.store.network import network_file_system, refuse_shared_sqlite
from analogcli.store.provenance import Provenance, collect, version_of
from analogcli.store.queue import Queue
from analogcli.store.store import Store
from analogcli.store.values import (
    BEFORE,
    HELD,
    RELAXED,
    EpochRecord,
    InferenceRecord,
    ModelEpoch,
    ModelRecord,
    Queued,
    RunHead,
    RunRecord,
    SavedState,
    Wanted,
)

__all__ = [
    "BEFORE",
    "DEFAULT_STORE",
    "HELD",
    "LEASE_S",
    "RELAXED",
    "WHAT",
    "CheckpointFile",
    "Copied",
    "EpochRecord",
    "InferenceRecord",
    "Inferences",
    "Location",
    "ModelEpoch",
    "ModelRecord",
    "Provenance",
    "Queue",
    "Queued",
    "RunHead",
    "RunRecord",
    "SavedState",
    "Store",
    "Wanted",
    "collect",
    "copy_runs",
    "locate",
    "network_file_system",
    "refuse_shared_sqlite",
    "version_of",
]
