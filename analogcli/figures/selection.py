"""Which stored run a line of a figure is drawn from: the very run, or the nearest, and how that differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analogcli.errors import SpecError
from analogcli.registry import MAY_DIFFER, Curve, Figure, Registry, essence
from analogcli.store import RunRecord, Store

ONE_SPEC = ("n_models", "seed")
"""What may differ where engines and fidelities are what is compared."""


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
    stored = [run for name in dict.fromkeys(p.experiment for p in figure.panels) for run in store.runs(experiment=name)]
    # The very run may have been made under the name of another experiment, e.g. floating point of the same network.
    stored += [run for curve in curves for run in store.runs(spec_hash=curve.spec.hash)]
    return choose(curves, stored, ONE_SPEC if figure.kind == "descents" else MAY_DIFFER)


def choose(curves: Sequence[Curve], runs: Sequence[RunRecord], may_differ: Sequence[str] = MAY_DIFFER) -> list[Choice]:
    """Return, for each line, the stored run to draw; it may differ from what is asked for in ``may_differ`` only."""
    started = [run for run in runs if run.epochs_done > 0 and _is_readable(run)]
    return [_choose(curve, started, may_differ) for curve in curves]


def _choose(curve: Curve, runs: Sequence[RunRecord], may_differ: Sequence[str]) -> Choice:
    wanted = essence(curve.spec, may_differ)
    alike = [run for run in runs if essence(run.spec, may_differ) == wanted]
    if not alike:
        return Choice(curve, None, None)
    best = max(alike, key=lambda run: _nearness(curve, run))
    return Choice(curve, best, _remark(curve, best))


def _nearness(curve: Curve, run: RunRecord) -> tuple[object, ...]:
    """Return what makes one run a better stand-in than another, the weightiest first."""
    furthest = max(epoch.epoch for model in run.models for epoch in model.epochs)
    return (
        run.spec_hash == curve.spec.hash,
        run.spec.backend == curve.spec.backend,
        run.spec.update == curve.spec.update,
        -abs(furthest - curve.spec.task.epochs),
        run.status == "finished",
        len(run.models),
        run.created_at,
    )


def _is_readable(run: RunRecord) -> bool:
    try:
        return bool(run.spec)
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
