"""Many writers at one store, and a store that holds very much; the long form as a command.

::

    python tests/load/load_kit.py write [STORE] --writers 64 --runs 10000 --epochs 10
    python tests/load/load_kit.py fill STORE --runs 10000 --epochs 10
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from analogcli.registry import load
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import CheckpointFile, EpochRecord, ModelEpoch, Store, collect, schema

THREADS = 8
"""Writers in one process; each has connections of its own."""


@dataclass(frozen=True)
class Written:
    """What one writer has done."""

    runs: int
    transactions: int
    longest_s: float


def specs(seed: int = 0) -> Iterator[RunSpec]:
    """Different runs without end: the settings of figure 4 at its dynamic ranges, seed after seed."""
    registry = load()
    kinds = [
        registry.spec(experiment, setting=setting, overrides={} if setting == "fp-sgd" else {"device.tau": tau})
        for experiment in ("mnist-fcn", "mnist-cnn")
        for setting in ("fp-sgd", "analog-sgd", "tt-v1", "rl-v2")
        for tau in (0.6, 0.7)
    ]
    while True:
        yield from (kind.model_copy(update={"seed": seed}) for kind in kinds)
        seed += 1


def epoch(number: int, accuracy: float = 0.9) -> EpochRecord:
    """What an epoch gives."""
    return EpochRecord(number, 0.3, 0.35, accuracy, 1e-3, 0.1, 2.0)


def write(address: str, writer: int, runs: int, epochs: int) -> Written:
    """Begin runs, record their epochs one by one and end them, as a training process does, but without training."""
    store, longest, transactions = Store.open(address), 0.0, 0
    provenance = collect(ExecutionOptions(), "cpu", "fingerprint", None)
    for spec in islice(specs(1000 * writer), runs):
        began = time.monotonic()
        run_id = store.begin(spec, provenance, repeatable=True, resolved={"a": 1})
        (model,) = store.runs(id=run_id)[0].models
        for number in range(epochs):
            file = CheckpointFile(f"checkpoints/{run_id}/model-0/epoch-{number:04d}.safetensors", "0" * 64, 1)
            store.record_epochs([ModelEpoch(model.id, epoch(number), {"train_loss": np.zeros(100)}, file)])
            longest, began = max(longest, time.monotonic() - began), time.monotonic()
        store.end(run_id, "finished")
        transactions += epochs + 2
    store.sessions.kw["bind"].dispose()
    return Written(runs, transactions, longest)


def _several(address: str, first: int, writers: int, runs: int, epochs: int) -> list[Written]:
    with ThreadPoolExecutor(writers) as pool:
        jobs = [pool.submit(write, address, first + i, runs, epochs) for i in range(writers)]
        return [job.result() for job in jobs]


def write_all(address: str, writers: int, runs: int, epochs: int) -> list[Written]:
    """Let ``writers`` write at once; each ``runs`` runs."""
    with ProcessPoolExecutor(-(-writers // THREADS), multiprocessing.get_context("spawn")) as pool:
        jobs = [
            pool.submit(_several, address, first, min(THREADS, writers - first), runs, epochs)
            for first in range(0, writers, THREADS)
        ]
        return [written for job in jobs for written in job.result()]


def fill(store: Store, runs: int, epochs: int) -> None:
    """Put runs with epochs into a store at once, faster than they are ever made."""
    provenance = collect(ExecutionOptions(), "cpu", "fingerprint", None).as_columns()
    made = list(islice(specs(), runs))
    now = datetime.now(UTC)
    tables: dict[type[schema.Base], list[dict[str, Any]]] = {
        table: [] for table in (schema.Run, schema.Provenance, schema.Model, schema.Epoch)
    }
    for number, spec in enumerate(made, start=1):
        moment, run_id = now - timedelta(minutes=runs - number), f"{number:08x}-0000-4000-8000-000000000000"
        labels = {name: getattr(spec, name) for name in ("experiment", "protocol", "setting", "backend", "seed")}
        seed = labels.pop("seed")
        times = {"created_at": moment, "updated_at": moment}
        run = {"id": run_id, "spec_hash": spec.hash, "spec": spec.model_dump(mode="json"), "status": "finished"}
        tables[schema.Run].append(run | labels | times | {"repeatable": True, "resolved_config": {}, "deaths": 0})
        tables[schema.Provenance].append({"run_id": run_id, "started_at": moment, **provenance})
        tables[schema.Model].append({"id": number, "run_id": run_id, "index": 0, "seed": seed})
        tables[schema.Epoch] += [
            {"model_id": number, **asdict(epoch(one, 0.9 + 0.001 * (number % 50)))} for one in range(epochs)
        ]
    with store.sessions() as session, session.begin():
        for table, rows in tables.items():
            session.execute(sa.insert(table), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["write", "fill"])
    parser.add_argument("store")
    for name, number in (("writers", 64), ("runs", 10_000), ("epochs", 10)):
        parser.add_argument(f"--{name}", type=int, default=number)
    asked = parser.parse_args()
    store, began = Store.open(asked.store), time.monotonic()
    if asked.what == "fill":
        fill(store, asked.runs, asked.epochs)
        print(f"{time.monotonic() - began:.1f} s", store.counts())
        return
    written = write_all(asked.store, asked.writers, -(-asked.runs // asked.writers), asked.epochs)
    seconds = time.monotonic() - began
    transactions = sum(one.transactions for one in written)
    said = {
        "seconds": round(seconds, 1),
        "transactions": transactions,
        "transactions_a_second": round(transactions / seconds),
        "longest_wait_s": round(max(one.longest_s for one in written), 2),
    }
    print(json.dumps(said | store.counts()))


if __name__ == "__main__":
    Path("results").mkdir(exist_ok=True)
    main()
