"""A reproduction record: one line of JSON that says what a run gave, with what it was made, and what was published.

A file of records holds one line a spec; a run exported again takes the place of its older line. Records are kept under
version control beside the code, so that a number in a text can be traced when the store it is from is long gone.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import BaseModel, ConfigDict

from analogcli.errors import UsageError
from analogcli.figures.drift import by_time
from analogcli.figures.summary import (
    LAST_EPOCHS,
    Measure,
    last_epochs_mean,
    measure_of,
    relaxed_accuracies,
    spread,
)
from analogcli.registry import Published, Registry
from analogcli.store import Inferences, RunRecord, Store

FOLDER = "reproduction"
"""Where records lie, beside the store."""


class PublishedNumber(BaseModel):
    """What the paper says; accuracies in %."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    std: float | None
    relaxed: float | None
    source: str
    rule: str


class AfterProgramming(BaseModel):
    """What a run's networks gave at one time after they were written onto phase-change memory; accuracies in %."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory: dict[str, Any]
    seconds: float
    n: int
    """Models times repeats."""
    mean: float
    std: float


class Record(BaseModel):
    """What one run gave; accuracies in %, one number a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    """The shortest command that makes the run."""
    spec_hash: str
    measure: Measure
    last_epochs: int
    """Epochs that each model's number is the mean of; of a floor it is the last fifth of the iterations."""
    models: tuple[float, ...]
    mean: float
    std: float | None
    """Over models at an epoch, mean over the last epochs, as the published ± is made; null for one model."""
    relaxed: float | None
    """Mean accuracy after the devices have relaxed [%]; null where they do not."""
    published: PublishedNumber | None
    drifted: tuple[AfterProgramming, ...] = ()
    """The last time of each memory that `analog infer` wrote the run's networks onto."""
    seconds: float
    """Time spent training and testing, all models together [s]."""
    finished: str
    """Day of the last epoch."""
    device: str
    versions: dict[str, str | None]
    notes: str | None
    spec: dict[str, Any]


def record_of(store: Store, registry: Registry, run: RunRecord) -> Record:
    """Return the record of a finished run.

    Raises:
        UsageError: it is not finished, or was not trained at all.
    """
    if run.status != "finished":
        raise UsageError(f"run {run.short_id} is {run.status}; a record is of a finished run (`analog resume` ends it)")
    if not run.epochs_done:
        raise UsageError(f"run {run.short_id} has no trained epoch; a record is of a finished run with epochs")
    known = registry.published(run.spec)
    known = known if known and known.matches_epochs else None
    measure = measure_of(run.spec_data)
    last = min(known.last_epochs if known else LAST_EPOCHS, run.spec_data["task"].get("epochs", 1))
    models = [_shown(last_epochs_mean(model, measure, last), measure) for model in run.models]
    std = spread(run.models, measure, last, sample=known is not None and known.sample_std)
    relaxed = relaxed_accuracies(store, run)
    made = run.attempts[-1]
    return Record(
        command=registry.command(run.spec),
        spec_hash=run.spec_hash,
        measure=measure,
        last_epochs=last,
        models=tuple(models),
        mean=_shown(fmean(models)),
        std=None if std is None else _shown(std, measure),
        relaxed=_shown(100 * fmean(relaxed)) if relaxed else None,
        published=_number(known) if known else None,
        drifted=_drifted(store, run),
        seconds=round(run.seconds, 1),
        finished=run.updated_at.date().isoformat(),
        device=made["device"],
        versions={"analog": made["package"], "commit": made["git_commit"]}
        | {name: made[name] for name in ("python", "torch", "aihwkit")},
        notes=made["notes"],
        spec=run.spec_data,
    )


def write_records(records: Sequence[Record], file: Path) -> list[tuple[Record, Record]]:
    """Write records into ``file``, each in the place of the line with its spec, else at the end.

    Returns:
        What took the place of another result: the older record and the newer one.
    """
    before = {record.spec_hash: record for record in (read_records(file) if file.is_file() else [])}
    by_hash = before | {record.spec_hash: record for record in records}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{record.model_dump_json()}\n" for record in by_hash.values()), encoding="utf-8")
    again = [(before[record.spec_hash], record) for record in records if record.spec_hash in before]
    return [(older, newer) for older, newer in again if older.models != newer.models]


def read_records(file: Path) -> list[Record]:
    """Return the records in ``file``.

    Raises:
        UsageError: there is no such file, or a line is no record.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        return [Record.model_validate_json(line) for line in lines if line.strip()]
    except OSError as exc:
        raise UsageError(f"{file}: {exc.strerror}; `analog export RUN --format record` writes records") from exc
    except ValueError as exc:
        raise UsageError(f"{file} has a line that is no record: {str(exc).splitlines()[0]}") from exc


def _number(known: Published) -> PublishedNumber:
    return PublishedNumber(
        value=known.value, std=known.std, relaxed=known.relaxed, source=known.source, rule=known.rule
    )


def _drifted(store: Store, run: RunRecord) -> tuple[AfterProgramming, ...]:
    found = []
    for memory, records in Inferences(store).of(run):
        last = by_time(records)[-1]
        if last.accuracy is None or last.accuracy_std is None:
            mean, std = _shown(last.loss), _shown(last.loss_std)
        else:
            mean, std = _shown(last.accuracy, "test accuracy"), _shown(last.accuracy_std, "test accuracy")
        settings = memory.model_dump(mode="json")
        found.append(AfterProgramming(memory=settings, seconds=last.seconds, n=last.n, mean=mean, std=std))
    return tuple(found)


def _shown(value: float, measure: Measure = "train loss") -> float:
    """Return a number as it is written down: accuracies in %, and no digits that say nothing."""
    return float(f"{100 * value if measure == 'test accuracy' else value:.6g}")
