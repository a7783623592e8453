"""Published values: what a paper printed, and which run it may be put beside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analogcli.registry.entries import Data, Experiment
from analogcli.spec import RunSpec

if TYPE_CHECKING:
    from analogcli.registry.registry import Registry

MAY_DIFFER = ("task.epochs", "n_models", "seed", "backend", "update.fidelity")
"""Fields that do not change what a line of a figure or a published number is about."""


@dataclass(frozen=True)
class Published:
    """A published number beside which a run may be put."""

    value: float
    std: float | None
    source: str
    rule: str
    last_epochs: int
    matches_epochs: bool
    relaxed: float | None = None
    """Value after the devices have relaxed, where that was published too."""
    sample_std: bool = False
    """Whether ± is the std of a sample instead of that of the population."""


PublishedSpec = tuple[RunSpec, Published]


def published_values(registry: "Registry", experiment: Experiment) -> list[PublishedSpec]:
    """Return the published values of an experiment with the specs that they were measured with."""
    return [
        (
            registry.spec(
                experiment.id, protocol=table.protocol, setting=entry.setting, overrides=table.where | entry.where
            ),
            Published(
                entry.value,
                entry.std,
                table.source.text,
                table.source.rule,
                table.source.last_epochs,
                True,
                entry.relaxed,
                table.source.sample_std,
            ),
        )
        for table in experiment.published
        for entry in table.values
    ]


def reproduced_by(values: Iterable[PublishedSpec], spec: RunSpec) -> Published | None:
    """Return the value that a run of ``spec`` reproduces: it differs from the published one in nothing that matters."""
    wanted = essence(spec)
    for theirs, value in values:
        labels = (theirs.protocol, theirs.setting) == (spec.protocol, spec.setting)
        if labels and essence(theirs) == wanted:
            return replace(value, matches_epochs=theirs.task.epochs == spec.task.epochs)
    return None


def essence(spec: RunSpec, may_differ: Sequence[str] = MAY_DIFFER) -> Data:
    """Return what a run is about: its leaves without those that may differ."""
    return {path: value for path, value in spec.leaves().items() if path not in may_differ}
