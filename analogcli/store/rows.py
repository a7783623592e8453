"""What the rows of the database stand for: from a spec to the row of a run, and from rows to plain values."""

import json
import re
import uuid
from dataclasses import fields
from datetime import datetime
from typing import Any

from analogcli.spec import RunSpec
from analogcli.store import schema
from analogcli.store.processes import Owner
from analogcli.store.values import HELD, EpochRecord, ModelRecord, Queued, RunHead, RunRecord, Status

SEED = re.compile(r'"seed": (\d+)')

STANDING = (
    schema.Run.spec_hash, schema.Run.status, schema.Run.error, schema.Run.worker, schema.Run.hostname, schema.Run.pid,
    schema.Run.process_started, schema.Run.place, schema.Run.lease_until,
)  # fmt: skip
"""What is read of a run to say how it stands in the queue."""


def new_run(spec: RunSpec, now: datetime) -> schema.Run:
    """Return the row of a run that nobody has begun yet."""
    return schema.Run(
        id=str(uuid.uuid4()),
        spec_hash=spec.hash,
        spec=spec.model_dump(mode="json"),
        experiment=spec.experiment,
        protocol=spec.protocol,
        setting=spec.setting,
        backend=spec.backend,
        status="queued",
        repeatable=True,
        resolved_config={},
        created_at=now,
        updated_at=now,
        models=[schema.Model(index=i, seed=spec.seed + i) for i in range(spec.n_models)],
    )


def owner_of(run: schema.Run) -> Owner:
    """Return the process that has a run, or had it last."""
    return Owner(run.hostname, run.pid, run.process_started, run.place)


def is_held(run: schema.Run, now: float) -> bool:
    """Whether a living process trains the run; ``now`` is the database's time [s since 1970]."""
    return run.status in HELD and owner_of(run).holds(run.lease_until, now)


def status_of(run: schema.Run, now: float) -> Status:
    """Return the status of a run; that of one whose process is gone says so."""
    return run.status if run.status not in HELD or is_held(run, now) else HELD[run.status]


def run_record(run: schema.Run, now: float) -> RunRecord:
    """Return the value of a row; ``now`` is the database's time [s since 1970]."""
    return RunRecord(
        id=run.id,
        spec_hash=run.spec_hash,
        spec_data=run.spec,
        status=status_of(run, now),
        error=run.error,
        repeatable=run.repeatable,
        resolved_config=run.resolved_config,
        created_at=run.created_at,
        updated_at=run.updated_at,
        owner=owner_of(run),
        models=tuple(_model_record(model) for model in run.models),
        attempts=tuple(_columns(attempt) for attempt in run.attempts),
    )


class SpecTexts:
    """Decodes specs; of very many runs most differ in nothing but the seed, and are decoded once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def decoded(self, text: str) -> dict[str, Any]:
        """Return a spec from its JSON; what is in it may be shared with that of another run."""
        seeds = SEED.findall(text)
        if len(seeds) != 1:
            return dict(json.loads(text))
        alike = SEED.sub('"seed": 0', text)
        if alike not in self._known:
            self._known[alike] = json.loads(alike)
        return self._known[alike] | {"seed": int(seeds[0])}


def run_head(row: Any, now: float, specs: SpecTexts) -> RunHead:
    """Return the value of the columns of a run, its spec as text, and the counts ``n_models`` and ``furthest``."""
    status = status_of(row, now)
    return RunHead(
        row.id, row.spec_hash, specs.decoded(row.spec), status, row.created_at, row.n_models, row.furthest or 0
    )


def queued(run: schema.Run, entry: schema.SweepRun, now: float) -> Queued:
    """Return how a run of a sweep stands; of the run's columns those in :data:`STANDING` are enough."""
    held = is_held(run, now)
    return Queued(
        run_id=run.id,
        spec_hash=run.spec_hash,
        sweep=entry.sweep,
        command=entry.command,
        status=status_of(run, now),
        error=run.error,
        worker=run.worker,
        owner=owner_of(run),
        lease_s=run.lease_until - now if held and run.lease_until is not None else None,
        is_claimable=run.status == "queued" or (run.status in HELD and not held),
    )


def _model_record(model: schema.Model) -> ModelRecord:
    names = [f.name for f in fields(EpochRecord)]
    epochs = tuple(EpochRecord(*(getattr(epoch, name) for name in names)) for epoch in model.epochs)
    return ModelRecord(model.id, model.index, model.seed, epochs)


def _columns(row: schema.Provenance) -> dict[str, Any]:
    return {c.key: getattr(row, c.key) for c in schema.Provenance.__table__.columns if c.key not in ("id", "run_id")}
