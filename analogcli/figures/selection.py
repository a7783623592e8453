"""Which stored run a line of a figure is drawn from: the very run, or the nearest, and how that differs."""

from collections.abc import Sequence
from dataclasses import dataclass

from analogcli.registry import Curve
from analogcli.store import RunRecord

MAY_DIFFER = ("task.epochs", "n_models", "seed", "backend", "update.fidelity")
"""Fields that do not change what a line of a figure is about."""


@dataclass(frozen=True)
class Choice:
    """A line of a figure and the run that it is drawn from, if there is one."""

    curve: Curve
    run: RunRecord | None
    remark: str | None
    """How the run differs from what the figure asks for."""


def choose(curves: Sequence[Curve], runs: Sequence[RunRecord]) -> list[Choice]:
    """Return, for each line, the stored run to draw."""
    started = [run for run in runs if run.epochs_done > 0]
    return [_choose(curve, started) for curve in curves]


def _choose(curve: Curve, runs: Sequence[RunRecord]) -> Choice:
    wanted = _essence(curve.spec.leaves())
    alike = [run for run in runs if _essence(run.spec.leaves()) == wanted]
    if not alike:
        return Choice(curve, None, None)
    best = max(alike, key=lambda run: (run.spec_hash == curve.spec.hash, run.epochs_done, run.created_at))
    return Choice(curve, best, _remark(curve, best))


def _essence(leaves: dict[str, object]) -> dict[str, object]:
    return {path: value for path, value in leaves.items() if path not in MAY_DIFFER}


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
