"""How any stored runs are drawn: results, gradients, weights, warm starts, and accuracy after programming."""

from collections.abc import Callable, Collection, Sequence

from matplotlib.figure import Figure as Canvas

from analogcli.errors import UsageError
from analogcli.figures import curves, descents, losses, rows
from analogcli.figures.comparison import changed_fields
from analogcli.figures.drawing import Drawing, Quantity
from analogcli.figures.summary import measure_of
from analogcli.spec import DoubleDevice
from analogcli.store import Inferences, RunRecord, Store

DRIFT = "drift"
"""What the picture of :func:`of_drift` is called; no run and no figure of the registry is."""
FOLLOW = ("update.fidelity",)
"""Fields that follow from others."""

Made = tuple[Callable[[], Canvas], Callable[[], list[rows.Row]] | None]
"""What draws runs, and what returns the numbers behind that."""


def of_runs(store: Store, runs: Sequence[RunRecord], of: Quantity = Quantity.RESULT) -> Drawing:
    """Return how a quantity of any runs is drawn into one picture.

    Raises:
        UsageError: a run has no epochs yet, or nothing of that quantity.
    """
    empty = [run.short_id for run in runs if not any(m.epochs for m in run.models)]
    if empty:
        raise UsageError(f"run {', '.join(empty)} has no epochs yet; `analog resume {empty[0]}` trains it")
    name = "-".join(run.short_id for run in runs)[:100]
    name += "" if of is Quantity.RESULT else f"-{of.value}"
    return Drawing(name, *MAKERS[of](store, runs))


def of_drift(store: Store, runs: Sequence[RunRecord]) -> Drawing:
    """Return how is drawn what `analog infer` stored of these runs, of all runs if none is named.

    Raises:
        UsageError: nothing is stored of one of them.
    """
    from analogcli.figures.drift import DriftCurve, by_time, draw_drift

    inferences = Inferences(store)
    known = [run for run in runs or inferences.runs() if inferences.of(run)]
    left_out = [run.short_id for run in runs if run not in known]
    if left_out or not known:
        which = f"run {', '.join(left_out)}" if left_out else "any run"
        raise UsageError(f"nothing is stored of {which} after programming; `analog infer {(left_out or ['RUN'])[0]}`")
    drawn = [
        DriftCurve(label, settings.drift_compensation, by_time(records))
        for run, label in zip(known, short_labels(known), strict=True)
        for settings, records in inferences.of(run)
    ]
    return Drawing("-".join([DRIFT, *(run.short_id for run in runs)])[:100], lambda: draw_drift(drawn))


def labels_of(runs: Sequence[RunRecord], without: Collection[str] = ()) -> list[str]:
    """Return for each run its experiment, setting, and in what but ``without`` it differs from the others."""
    labels = []
    for run, fields in zip(runs, changed_fields(runs), strict=True):
        differs = [
            f"{p.rpartition('.')[2]} {v:g}" if isinstance(v, float) else f"{p.rpartition('.')[2]} {v}"
            for p, v in fields.items()
            if v is not None and p not in without
        ]
        labels.append(", ".join([f"{run.spec_data['experiment']} {run.spec_data['setting']}", *differs]))
    return labels


def short_labels(runs: Sequence[RunRecord]) -> list[str]:
    """Return experiment and setting of each run, and what else sets apart those that have both in common."""
    names = [(run.spec_data["experiment"], run.spec_data["setting"]) for run in runs]
    alike = {name: [run for run, own in zip(runs, names, strict=True) if own == name] for name in names}
    labels = {
        run.id: label for same in alike.values() for run, label in zip(same, labels_of(same, FOLLOW), strict=True)
    }
    return [labels[run.id] for run in runs]


def _results(store: Store, runs: Sequence[RunRecord]) -> Made:
    labels, measures = labels_of(runs), {measure_of(run.spec_data) for run in runs}
    if measures == {"floor"}:
        lines = descents.lines_of_runs(runs, labels, store)
        return lambda: descents.draw_runs(lines), lambda: descents.numbers(None, lines)
    kind = curves if measures == {"test accuracy"} else losses
    return lambda: kind.draw_runs(runs, labels), lambda: rows.of_runs(runs, labels, kind.rows)


def _gradients(store: Store, runs: Sequence[RunRecord]) -> Made:
    from analogcli.figures.gradients import draw_gradients

    return lambda: draw_gradients(runs, labels_of(runs)), None


def _weights(store: Store, runs: Sequence[RunRecord]) -> Made:
    from analogcli.figures.pair_weights import Weights, draw_weights
    from analogcli.magnetoionic import law_of, weights_of
    from analogcli.training.trained import states_of

    drawn = []
    for run, label in zip(runs, labels_of(runs), strict=True):
        device = run.spec.algorithm
        if not isinstance(device, DoubleDevice):
            raise UsageError(f"run {run.short_id} has no weights of double devices; --of weights draws those alone")
        (state,) = states_of(store, run, run.models[:1])
        layers = {name: w_OI.flatten().numpy() for name, w_OI in weights_of(state).items()}
        drawn.append(Weights(f"{label}, model 0", layers, law_of(device).span))
    return lambda: draw_weights(drawn), None


def _warm_starts(store: Store, runs: Sequence[RunRecord]) -> Made:
    from analogcli.figures import warm_start

    histories = [warm_start.history(run, label) for run, label in zip(runs, short_labels(runs), strict=True)]
    return lambda: warm_start.draw_warm_starts(histories), lambda: warm_start.numbers(histories)


MAKERS: dict[Quantity, Callable[[Store, Sequence[RunRecord]], Made]] = {
    Quantity.RESULT: _results,
    Quantity.GRADIENT: _gradients,
    Quantity.WEIGHTS: _weights,
    Quantity.WARM_START: _warm_starts,
}
"""What draws each quantity."""
