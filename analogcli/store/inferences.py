"""What trained models gave after they were programmed: recorded beside a run, for each setting of the memory."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from analogcli.spec import PcmInference, digest
from analogcli.store import schema
from analogcli.store.location import Location
from analogcli.store.patience import patient
from analogcli.store.store import Store
from analogcli.store.values import InferenceRecord, RunRecord


@dataclass(frozen=True)
class Inferences:
    """The inferences of a store; every method is one transaction."""

    store: Store

    @property
    def location(self) -> Location:
        """Where the store is."""
        return self.store.location

    @patient
    def record(self, settings: PcmInference, records: Sequence[InferenceRecord]) -> None:
        """Record what models gave at a time after programming, in place of what was recorded of the same before."""
        with self.store.writing() as session:
            for record in records:
                data = {"settings": settings.model_dump(mode="json"), "settings_hash": digest(settings)}
                session.merge(schema.Inference(**asdict(record), **data, recorded_at=datetime.now(UTC)))

    @patient
    def of(self, run: RunRecord) -> list[tuple[PcmInference, list[InferenceRecord]]]:
        """Return what is recorded of a run after programming, for each setting of the memory in the order of time."""
        ids = [model.id for model in run.models]
        query = select(schema.Inference).where(schema.Inference.model_id.in_(ids))
        by_settings: dict[str, tuple[PcmInference, list[InferenceRecord]]] = {}
        with self.store.reading() as session:
            for row in session.scalars(query.order_by(schema.Inference.seconds, schema.Inference.repeat)):
                if row.settings_hash not in by_settings:
                    by_settings[row.settings_hash] = (PcmInference.model_validate(row.settings), [])
                # JSON has no word for what is not a number.
                numbers = row.predictions and [math.nan if value is None else value for value in row.predictions]
                by_settings[row.settings_hash][1].append(
                    InferenceRecord(row.model_id, row.repeat, row.seconds, row.test_loss, row.test_accuracy, numbers)
                )
        return list(by_settings.values())

    @patient
    def runs(self) -> list[RunRecord]:
        """Return the runs of which something is recorded after programming, oldest first."""
        ids = select(schema.Model.run_id).join(schema.Inference).distinct()
        with self.store.reading() as session:
            found = list(session.scalars(ids))
        return sorted((self.store.runs(id=one)[0] for one in found), key=lambda run: run.created_at)
