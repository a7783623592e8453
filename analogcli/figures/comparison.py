"""Runs side by side: the papers' number for each, the fields in which they differ, published values beside ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analogcli.figures.summary import Summary, accuracy_of_last, spread, summarise
from analogcli.registry import Published, Registry
from analogcli.store import RunRecord

HIDDEN = {"algorithm.kind", "n_models"}
"""Fields that a column of every table already says."""
HARDWARE = ("algorithm.", "device.", "periphery.", "update.", "mapping.")
"""Parts of a spec that follow from setting and backend, unless somebody changes them."""


@dataclass(frozen=True)
class Row:
    """One run in a comparison; ``fields`` holds what differs between the runs."""

    run: RunRecord
    fields: dict[str, Any]
    summary: Summary
    published: Published | None

    @property
    def difference(self) -> float | None:
        """Ours minus the published value [percentage points]; None before as many epochs are done."""
        value = self.published
        if value is None or not value.matches_epochs or self.run.status != "finished" or self.summary.accuracy is None:
            return None
        return 100 * accuracy_of_last(self.run, value.last_epochs) - value.value

    @property
    def std(self) -> float | None:
        """Our spread over models, made as the published one is where there is one."""
        if self.published is None or not self.published.sample_std:
            return self.summary.std
        return spread(self.run.models, self.summary.measure, self.published.last_epochs, sample=True)

    @property
    def ratio(self) -> float | None:
        """Our floor divided by the published one; None for other measures."""
        if self.published is None or self.summary.measure != "floor" or self.summary.mean is None:
            return None
        return self.summary.mean / self.published.value


def compare(runs: Sequence[RunRecord], registry: Registry, *, published: bool = False) -> list[Row]:
    """Return the runs as rows of a table; with ``published`` each has the value that it reproduces."""
    return [
        Row(run, fields, summarise(run), registry.published(run.spec) if published else None)
        for run, fields in zip(runs, changed_fields(runs), strict=True)
    ]


def changed_fields(runs: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Return for each run the fields with at least two values among the runs that have them.

    Of the hardware only what differs between runs of one setting on one backend: the rest goes without saying.
    """
    leaves = [run.spec.leaves() for run in runs]
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for run, own in zip(runs, leaves, strict=True):
        spec = run.spec
        groups.setdefault((spec.experiment, spec.protocol, spec.setting, spec.backend), []).append(own)
    paths = dict.fromkeys(path for own in leaves for path in own if path not in HIDDEN)
    changed = [
        p for p in paths if any(_differs(p, g) for g in (groups.values() if p.startswith(HARDWARE) else [leaves]))
    ]
    return [{path: _shown(path, own.get(path)) for path in changed} for own in leaves]


def _shown(path: str, value: Any) -> Any:
    """Return a value as a table has it: of a digest its first digits, which tell two files apart as well."""
    return value[:8] if path.endswith("sha256") and isinstance(value, str) else value


def _differs(path: str, leaves: Sequence[dict[str, Any]]) -> bool:
    return len({repr(own[path]) for own in leaves if path in own}) > 1
