"""The epochs of a run as CSV or JSON, one row an epoch and model."""

import csv
import json
from pathlib import Path

from analogcli.store import EpochRecord, ModelRecord, RunRecord

COLUMNS = ["run", "model", "seed", *EpochRecord.__dataclass_fields__]


def export_csv(run: RunRecord, models: list[ModelRecord], folder: Path) -> list[Path]:
    """Write ``<run>.csv`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run.short_id}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(_rows(run, models))
    return [path]


def export_json(run: RunRecord, models: list[ModelRecord], folder: Path) -> list[Path]:
    """Write ``<run>.json`` into ``folder``: spec, hash and epochs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run.short_id}.json"
    data = {"run": run.id, "spec_hash": run.spec_hash, "spec": run.spec_data, "epochs": _rows(run, models)}
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [path]


def _rows(run: RunRecord, models: list[ModelRecord]) -> list[dict[str, object]]:
    return [
        {"run": run.id, "model": model.index, "seed": model.seed, **epoch.as_data()}
        for model in models
        for epoch in model.epochs
    ]
