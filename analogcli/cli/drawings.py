"""What ``analog plot`` draws: the figure that a name asks for, and the numbers behind it, from what is stored."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from matplotlib.figure import Figure as Canvas

    from analogcli.figures.selection import Choice
    from analogcli.registry import Figure, Registry
    from analogcli.store import ModelRecord, RunRecord, Store

DRIFT = "drift"
"""Names no figure of the registry, but what `analog infer` stored."""
FOLLOW = ("update.fidelity",)
"""Fields that follow from others."""


class Quantity(StrEnum):
    """What is drawn of runs."""

    RESULT = "result"
    GRADIENT = "gradient"
    WEIGHTS = "weights"
    WARM_START = "warm-start"


@dataclass(frozen=True)
class Drawing:
    """A figure that can be drawn, and the numbers that it is drawn from."""

    name: str
    canvas: "Callable[[], Canvas]"
    numbers: "Callable[[], list[dict[str, object]]] | None" = None
    """None where another command prints them, or where there are too many to print."""


def of_registry(
    store: "Store", registry: "Registry", figure: "Figure", overrides: dict[str, Any], *, published: bool = False
) -> Drawing:
    """Return how a registry figure is drawn, and say on stderr what is missing or not as the figure asks for."""
    from analogcli.cli.console import note
    from analogcli.errors import UsageError
    from analogcli.figures import curves as accuracies
    from analogcli.figures import descents, losses, rows
    from analogcli.figures.selection import of_figure

    if figure.kind == "table":
        raise UsageError(f"{figure.id} is a table; `analog compare {figure.id} --published` prints it")
    choices = of_figure(store, registry, figure, overrides)
    titles = {name: s.title for name, s in registry.protocols[figure.protocol].settings.items()}
    for choice in choices:
        if choice.run is None:
            note(f"missing: {_describe(choice, figure, titles)}: {choice.curve.command}")
        elif choice.remark:
            note(f"note: {_describe(choice, figure, titles)} is run {choice.run.short_id}: {choice.remark}")
    if all(choice.run is None for choice in choices):
        raise UsageError(f"nothing of {figure.id} is stored yet; `analog sweep {figure.id}` makes all its runs")
    name = figure.id.replace("/", "-")
    lookup = registry.published if published else lambda spec: None
    if figure.kind == "descents":
        lines = descents.lines_of(figure, choices, titles, _series(store), lookup)
        return Drawing(name, lambda: descents.draw_figure(figure, lines), lambda: descents.numbers(figure, lines))
    if figure.kind == "learning-rates":
        from analogcli.figures.learning_rates import draw_figure
        from analogcli.figures.summary import relaxed_accuracies

        runs = [choice.run for choice in choices if choice.run is not None]
        relaxed = {run.id: relaxed_accuracies(store, run) for run in runs}
        return Drawing(
            name,
            lambda: draw_figure(figure, choices, titles, relaxed, lookup),
            lambda: rows.of_figure(figure, choices, titles, accuracies.rows),
        )
    if figure.kind == "distributions":
        from analogcli.figures.distributions import Distribution, draw_distributions
        from analogcli.figures.distributions import numbers as densities
        from analogcli.training.trained import trained

        found = [
            Distribution.of(_describe(choice, figure, titles), trained(store, choice.run))
            for choice in choices
            if choice.run is not None
        ]
        return Drawing(name, lambda: draw_distributions(figure.title, found), lambda: densities(found))
    if figure.kind == "against":
        from analogcli.figures import against

        return Drawing(
            name,
            lambda: against.draw_figure(figure, choices, registry),
            lambda: rows.of_figure(figure, choices, titles, accuracies.rows),
        )
    if figure.kind == "losses":
        return Drawing(
            name,
            lambda: losses.draw_figure(figure, choices, titles),
            lambda: rows.of_figure(figure, choices, titles, losses.rows),
        )
    return Drawing(
        name,
        lambda: accuracies.draw_figure(figure, choices, titles, lookup),
        lambda: rows.of_figure(figure, choices, titles, accuracies.rows),
    )


def of_devices(figure: "Figure") -> Drawing:
    """Return how a figure of devices is drawn, for which nothing is trained."""
    from analogcli.figures import laws, responses

    name = figure.id.replace("/", "-")
    if figure.kind == "laws":
        return Drawing(name, lambda: laws.draw_laws(figure.title), laws.numbers)
    return Drawing(name, lambda: responses.draw_figure(figure), lambda: responses.numbers(figure))


def _series(store: "Store") -> "Callable[[ModelRecord], np.ndarray]":
    """Return what reads the errors of a model, one an iteration."""
    import numpy as np

    def of(model: "ModelRecord") -> np.ndarray:
        return np.frombuffer(b"".join(store.series(model, "train_loss").values()), "<f4")

    return of


def _describe(choice: "Choice", figure: "Figure", titles: dict[str, str]) -> str:
    panel, group = figure.panels[choice.curve.panel], choice.curve.group
    varied: dict[str, Any] = {"τ": choice.curve.tau} if choice.curve.tau is not None else {}
    varied |= {path.rpartition(".")[2]: value for path, value in choice.curve.point.items()}
    where = [f"{name} = {value}" for name, value in varied.items()]
    what = [panel.title, titles[choice.curve.setting], *where, "" if group is None else panel.groups[group].label]
    return " ".join(part for part in what if part)


def of_runs(store: "Store", runs: "list[RunRecord]", of: Quantity) -> Drawing:
    from analogcli.errors import UsageError
    from analogcli.figures import curves, descents, losses, rows
    from analogcli.figures.summary import measure_of

    empty = [run.short_id for run in runs if not any(m.epochs for m in run.models)]
    if empty:
        raise UsageError(f"run {', '.join(empty)} has no epochs yet; `analog resume {empty[0]}` trains it")
    labels = _labels(runs)
    name = "-".join(run.short_id for run in runs)[:100]
    name += "" if of is Quantity.RESULT else f"-{of.value}"
    if of is Quantity.WEIGHTS:
        weights = _plot_weights(store, runs, labels)
        return Drawing(name, lambda: weights)
    if of is Quantity.WARM_START:
        from analogcli.figures import warm_start

        histories = [warm_start.history(run, label) for run, label in zip(runs, _short_labels(runs), strict=True)]
        return Drawing(name, lambda: warm_start.draw_warm_starts(histories), lambda: warm_start.numbers(histories))
    if of is Quantity.GRADIENT:
        from analogcli.figures.gradients import draw_gradients

        return Drawing(name, lambda: draw_gradients(runs, labels))
    measures = {measure_of(run.spec_data) for run in runs}
    if measures == {"floor"}:
        lines = descents.lines_of_runs(runs, labels, _series(store))
        return Drawing(name, lambda: descents.draw_runs(lines), lambda: descents.numbers(None, lines))
    kind = curves if measures == {"test accuracy"} else losses
    return Drawing(name, lambda: kind.draw_runs(runs, labels), lambda: rows.of_runs(runs, labels, kind.rows))


def of_drift(store: "Store", runs: "list[RunRecord]") -> Drawing:
    """Draw what `analog infer` stored of these runs, of all runs if none is named."""
    from analogcli.errors import UsageError
    from analogcli.figures.drift import DriftCurve, by_time, draw_drift
    from analogcli.store import Inferences

    inferences = Inferences(store)
    known = [run for run in runs or inferences.runs() if inferences.of(run)]
    left_out = [run.short_id for run in runs if run not in known]
    if left_out or not known:
        which = f"run {', '.join(left_out)}" if left_out else "any run"
        raise UsageError(f"nothing is stored of {which} after programming; `analog infer {(left_out or ['RUN'])[0]}`")
    curves = [
        DriftCurve(label, settings.drift_compensation, by_time(records))
        for run, label in zip(known, _short_labels(known), strict=True)
        for settings, records in inferences.of(run)
    ]
    return Drawing("-".join([DRIFT, *(run.short_id for run in runs)])[:100], lambda: draw_drift(curves))


def _short_labels(runs: "list[RunRecord]") -> list[str]:
    """Return experiment and setting of each run, and what else sets apart those that have both in common."""
    names = [(run.spec_data["experiment"], run.spec_data["setting"]) for run in runs]
    alike = {name: [run for run, own in zip(runs, names, strict=True) if own == name] for name in names}
    labels = {run.id: label for same in alike.values() for run, label in zip(same, _labels(same, FOLLOW), strict=True)}
    return [labels[run.id] for run in runs]


def _labels(runs: "list[RunRecord]", without: Collection[str] = ()) -> list[str]:
    """Return for each run its experiment, setting, and in what but ``without`` it differs from the others."""
    from analogcli.figures.comparison import changed_fields

    labels = []
    for run, fields in zip(runs, changed_fields(runs), strict=True):
        differs = [
            f"{p.rpartition('.')[2]} {v:g}" if isinstance(v, float) else f"{p.rpartition('.')[2]} {v}"
            for p, v in fields.items()
            if v is not None and p not in without
        ]
        labels.append(", ".join([f"{run.spec_data['experiment']} {run.spec_data['setting']}", *differs]))
    return labels


def _plot_weights(store: "Store", runs: "list[RunRecord]", labels: list[str]) -> "Canvas":
    from analogcli.errors import UsageError
    from analogcli.figures.pair_weights import Weights, draw_weights
    from analogcli.magnetoionic import law_of
    from analogcli.spec import DoubleDevice

    models = []
    for run, label in zip(runs, labels, strict=True):
        device, saved = run.spec.algorithm, store.saved_state(run.models[0])
        if not isinstance(device, DoubleDevice) or saved is None:
            raise UsageError(f"run {run.short_id} has no weights of double devices; --of weights draws those alone")
        tensors = store.load_state(saved)
        names = sorted(name.removesuffix(".weight1") for name in tensors if name.endswith(".weight1"))
        layers = {
            n.removeprefix("model/"): (tensors[f"{n}.weight2"] - tensors[f"{n}.weight1"]).flatten().numpy()
            for n in names
        }
        models.append(Weights(f"{label}, model 0", layers, law_of(device).span))
    return draw_weights(models)
