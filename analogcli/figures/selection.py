"""Which stored run a line of a figure is drawn from: the very run, or the nearest, and how that differs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from analogcli.errors import SpecError
from analogcli.registry import MAY_DIFFER, Curve, Figure, Registry, essence
from analogcli.spec import LABELS
from analogcli.store import RunHead, RunRecord, Store

ONE_SPEC = ("n_models", "seed")
"""What may differ where engines and fidelities are what is compared."""


Head = RunHead | RunRecord
Group = tuple[dict[str, Any], list[Head]]
"""What some runs are about, and those runs."""


@dataclass(frozen=True)
class Choice:
    """A line of a figure and the run that it is drawn from, if there is one."""

    curve: Curve
    run: RunRecord | None
    remark: str | None
    """How the run differs from what the figure asks for."""


def of_figure(store: Store, registry: Registry, figure: Figure, overrides: Mapping[str, Any]) -> list[Choice]:
    """Return, for each line of a registry figure, the stored run to draw."""
    curves = registry.curves(figure, overrides)
    hashes = {curve.spec.hash for curve in curves}
    # The very run may have been made under the name of another experiment, e.g. floating point of the same network.
    heads = store.heads(spec_hash=list(hashes))
    if hashes != {head.spec_hash for head in heads if head.furthest > 0}:
        heads += store.heads(experiment=list({panel.experiment for panel in figure.panels}))
    may_differ = ONE_SPEC if figure.kind == "descents" else MAY_DIFFER
    return _choices(curves, heads, may_differ, cache(lambda run_id: store.runs(id=run_id)[0]))


def choose(curves: Sequence[Curve], runs: Sequence[RunRecord], may_differ: Sequence[str] = MAY_DIFFER) -> list[Choice]:
    """Return, for each line, the run to draw; it may differ from what is asked for in ``may_differ`` only."""
    return _choices(curves, runs, may_differ, {run.id: run for run in runs}.__getitem__)


def _choices(
    curves: Sequence[Curve], heads: Sequence[Head], may_differ: Sequence[str], whole: Callable[[str], RunRecord]
) -> list[Choice]:
    groups = _by_essence([head for head in heads if head.furthest > 0], may_differ)
    return [_choose(curve, groups, may_differ, whole) for curve in curves]


def _choose(
    curve: Curve, groups: Sequence[Group], may_differ: Sequence[str], whole: Callable[[str], RunRecord]
) -> Choice:
    wanted = essence(curve.spec, may_differ)
    alike = [head for of_group, heads in groups if of_group == wanted for head in heads]
    if not alike:
        return Choice(curve, None, None)
    best = whole(max(alike, key=_nearness(curve)).id)
    return Choice(curve, best, _remark(curve, best))


def _by_essence(heads: Sequence[Head], may_differ: Sequence[str]) -> list[Group]:
    """Return the runs by what they are about: of very many runs only a few are about different things."""
    by_parts: dict[tuple[Any, ...], list[Head]] = {}
    for head in heads:
        # The store decodes specs that differ in the seed alone to the very same parts.
        parts = [(name, value) for name, value in head.spec_data.items() if name not in may_differ]
        key = tuple((name, id(value) if isinstance(value, dict | list) else value) for name, value in parts)
        by_parts.setdefault(key, []).append(head)
    by_text: dict[str, list[Head]] = {}
    for alike in by_parts.values():
        by_text.setdefault(_text(alike[0].spec_data, may_differ), []).extend(alike)
    return [(essence(alike[0].spec, may_differ), alike) for alike in by_text.values() if _is_readable(alike[0])]


def _text(data: dict[str, Any], may_differ: Sequence[str]) -> str:
    """Return the stored spec as some text, without labels and what may differ; equal texts are about the same."""
    kept = {part: dict(value) if isinstance(value, dict) else value for part, value in data.items()}
    for path in (*LABELS, *may_differ):
        part, _, name = path.partition(".")
        if not name:
            kept.pop(part, None)
        elif isinstance(kept.get(part), dict):
            kept[part].pop(name, None)
    return repr(kept)


def _nearness(curve: Curve) -> Callable[[Head], tuple[Any, ...]]:
    """Return what says of a run what makes it a better stand-in than another, the weightiest first."""
    spec, wanted_hash = curve.spec, curve.spec.hash
    update = spec.update and spec.update.model_dump(mode="json")

    def of(head: Head) -> tuple[Any, ...]:
        return (
            head.spec_hash == wanted_hash,
            head.spec_data["backend"] == spec.backend,
            head.spec_data.get("update") == update,
            -abs(head.furthest - spec.task.epochs),
            head.status == "finished",
            head.n_models,
            head.created_at,
        )

    return of


def _is_readable(head: Head) -> bool:
    try:
        return bool(head.spec)
    except SpecError:  # Written by another version, in which the fields were others.
        return False


def _remark(curve: Curve, run: RunRecord) -> str | None:
    asked, got = curve.spec.leaves(), run.spec.leaves()
    parts = [
        f"{p.rpartition('.')[2]} {got.get(p)} instead of {asked.get(p)}"
        for p in MAY_DIFFER
        if asked.get(p) != got.get(p)
    ]
    if run.status != "finished":
        parts.append(f"{run.status} after {run.epochs_done} of {run.epochs_planned} epochs")
    return ", ".join(parts) or None
