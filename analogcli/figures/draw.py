"""How every kind of registry figure is drawn from what is stored.

::

    from analogcli.figures import draw

    figure = registry.figure("fig4")
    drawing = draw.of_registry(store, registry, figure)
    drawing.canvas().savefig("fig4.pdf")
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from matplotlib.figure import Figure as Canvas

from analogcli.errors import UsageError
from analogcli.figures import against, curves, descents, learning_rates, losses, rows
from analogcli.figures.drawing import Drawing
from analogcli.figures.selection import Choice, of_figure
from analogcli.figures.summary import relaxed_accuracies
from analogcli.registry import Figure, Published, Registry
from analogcli.spec import RunSpec
from analogcli.store import RunRecord, Store

Made = tuple[Callable[[], Canvas], Callable[[], list[rows.Row]]]
"""What draws a figure, and what returns the numbers behind it."""


@dataclass(frozen=True)
class Chosen:
    """A registry figure with the run that each of its lines is drawn from."""

    store: Store
    registry: Registry
    figure: Figure
    choices: Sequence[Choice]
    published: bool
    """Whether published values are drawn faintly behind ours."""

    @cached_property
    def titles(self) -> dict[str, str]:
        """What the settings are called in the figure."""
        return {name: setting.title for name, setting in self.registry.protocols[self.figure.protocol].settings.items()}

    @property
    def found(self) -> list[tuple[Choice, RunRecord]]:
        """The lines that have a run, with it."""
        return [(choice, choice.run) for choice in self.choices if choice.run is not None]

    def lookup(self, spec: RunSpec) -> Published | None:
        """Return the published value of a run if it is to be drawn."""
        return self.registry.published(spec) if self.published else None

    def describe(self, choice: Choice) -> str:
        """Return in words which line it is: panel, setting, what varies, group."""
        curve = choice.curve
        panel = self.figure.panels[curve.panel]
        varied: dict[str, Any] = {"τ": curve.tau} if curve.tau is not None else {}
        varied |= {path.rpartition(".")[2]: value for path, value in curve.point.items()}
        where = [f"{name} = {value}" for name, value in varied.items()]
        group = "" if curve.group is None else panel.groups[curve.group].label
        return " ".join(part for part in (panel.title, self.titles[curve.setting], *where, group) if part)

    def remarks(self) -> list[str]:
        """Return what is missing, with the command that makes it, and which runs are not as the figure asks for."""
        said = []
        for choice in self.choices:
            if choice.run is None:
                said.append(f"missing: {self.describe(choice)}: {choice.curve.command}")
            elif choice.remark:
                said.append(f"note: {self.describe(choice)} is run {choice.run.short_id}: {choice.remark}")
        return said

    def points(self, of_run: rows.Rows) -> Callable[[], list[rows.Row]]:
        """Return what returns the points of every line."""
        return lambda: rows.of_figure(self.figure, self.choices, self.titles, of_run)


def of_registry(
    store: Store,
    registry: Registry,
    figure: Figure,
    overrides: Mapping[str, Any] | None = None,
    *,
    published: bool = False,
) -> Drawing:
    """Return how a registry figure is drawn from the runs in ``store``, which were made with these ``overrides``.

    Raises:
        UsageError: nothing of it is stored, with its remarks as notes; or it is a table.
    """
    if figure.kind in WITHOUT_RUNS:
        return without_runs(figure)
    chosen = Chosen(store, registry, figure, of_figure(store, registry, figure, overrides or {}), published)
    remarks = chosen.remarks()
    if not chosen.found:
        nothing = UsageError(f"nothing of {figure.id} is stored yet; `analog sweep {figure.id}` makes all its runs")
        for remark in remarks:
            nothing.add_note(remark)
        raise nothing
    return Drawing(_name(figure), *OF_RUNS[figure.kind](chosen), remarks)


def without_runs(figure: Figure) -> Drawing:
    """Return how a registry figure is drawn for which nothing is trained.

    Raises:
        UsageError: it is a table.
    """
    return Drawing(_name(figure), *WITHOUT_RUNS[figure.kind](figure))


def _name(figure: Figure) -> str:
    return figure.id.replace("/", "-")


def _curves(of: Chosen) -> Made:
    return lambda: curves.draw_figure(of.figure, of.choices, of.titles, of.lookup), of.points(curves.rows)


def _losses(of: Chosen) -> Made:
    return lambda: losses.draw_figure(of.figure, of.choices, of.titles), of.points(losses.rows)


def _against(of: Chosen) -> Made:
    return lambda: against.draw_figure(of.figure, of.choices, of.registry), of.points(curves.rows)


def _learning_rates(of: Chosen) -> Made:
    relaxed = {run.id: relaxed_accuracies(of.store, run) for _, run in of.found}
    return (
        lambda: learning_rates.draw_figure(of.figure, of.choices, of.titles, relaxed, of.lookup),
        of.points(curves.rows),
    )


def _descents(of: Chosen) -> Made:
    lines = descents.lines_of(of.figure, of.choices, of.titles, of.store, of.lookup)
    return lambda: descents.draw_figure(of.figure, lines), lambda: descents.numbers(of.figure, lines)


# What follows imports torch, which takes seconds, and most figures are drawn without it.


def _distributions(of: Chosen) -> Made:
    from analogcli.figures import distributions
    from analogcli.training.trained import trained

    found = [distributions.Distribution.of(of.describe(c), trained(of.store, run)) for c, run in of.found]
    return lambda: distributions.draw_distributions(of.figure.title, found), lambda: distributions.numbers(found)


def _laws(figure: Figure) -> Made:
    from analogcli.figures import laws

    return lambda: laws.draw_laws(figure.title), laws.numbers


def _responses(figure: Figure) -> Made:
    from analogcli.figures import responses

    return lambda: responses.draw_figure(figure), lambda: responses.numbers(figure)


def _table(figure: Figure) -> NoReturn:
    raise UsageError(f"{figure.id} is a table; `analog compare {figure.id} --published` prints it")


OF_RUNS: dict[str, Callable[[Chosen], Made]] = {
    "curves": _curves,
    "losses": _losses,
    "against": _against,
    "learning-rates": _learning_rates,
    "descents": _descents,
    "distributions": _distributions,
}
"""What draws the kinds of figures that show runs."""
WITHOUT_RUNS: dict[str, Callable[[Figure], Made]] = {"laws": _laws, "responses": _responses, "table": _table}
"""What draws the others, for which no store is needed; a table is not drawn."""
