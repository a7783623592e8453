"""``analog compare``: stored runs side by side."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analogcli.figures.comparison import Row
    from analogcli.figures.summary import Measure
    from analogcli.registry import Registry
    from analogcli.store import RunRecord, Store


class Form(StrEnum):
    """How the table is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MD = "md"


def compare(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Ids of runs, or one figure (e.g. fig4); all runs if left out.")
    ] = None,
    experiment: Annotated[str | None, typer.Option("--experiment", help="All stored runs of this experiment.")] = None,
    published: Annotated[bool, typer.Option("--published", help="Put the papers' numbers beside ours.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    json: o.JsonOption = False,
    md: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
    newest: o.NewestOption = None,
    epochs: o.EpochsOption = None,
    seed: o.SeedOption = None,
    n_models: o.NModelsOption = None,
    dataset: o.DatasetOption = None,
    backend: o.BackendOption = None,
    set_: o.SetOption = None,
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
) -> None:
    """Compare runs: test accuracy as mean ± std over models of the mean of the last 5 epochs; of regressions the loss.

    Only the fields in which the runs differ are shown. The std is that over models at an epoch, as a mean over the last
    epochs: the papers' rule. The options that change the runs of a figure are those that they were made with.

    \b
    analog compare
    analog compare 1f0c2a77 9be2d3a0
    analog compare --experiment mnist-fcn --published --md
    analog compare fig4 --dataset mnist5k
    analog compare exact/table2 --published
    """
    from analogcli.cli.console import note
    from analogcli.errors import UsageError
    from analogcli.figures.comparison import compare as compare_runs
    from analogcli.registry import load
    from analogcli.store import Store, locate

    if csv + json + md > 1:
        raise UsageError("choose one of --csv, --json and --md")
    entries = load(registry)
    overrides = o.overrides(set_, epochs=epochs, seed=seed, n_models=n_models, dataset=dataset, backend=backend)
    if overrides and not any(map(entries.is_figure, runs or [])):
        raise UsageError(
            "options that change runs go with a figure, e.g. `analog compare fig4 --dataset mnist5k`; "
            "of runs that are named by their ids leave them out"
        )
    form = Form.CSV if csv else Form.JSON if json else Form.MD if md else Form.TABLE
    if runs and len(runs) == 1 and entries.is_figure(runs[0]) and entries.figure(runs[0]).kind == "table":
        from analogcli.cli.paper_table import print_paper_table
        from analogcli.figures.selection import choose, of_figure

        figure, file = entries.figure(runs[0]), locate(store).file
        # What is published can be read before anything is stored.
        if file is None or file.is_file():
            choices = of_figure(Store.open(store), entries, figure, overrides)
        else:
            choices = choose(entries.curves(figure, overrides), [])
        print_paper_table(entries, figure, choices, form, published=published)
        return
    opened = Store.open(store, create=False)
    limit = (o.NEWEST if form in (Form.TABLE, Form.MD) else 0) if newest is None else newest
    found = _select(opened, entries, runs or [], overrides, experiment, limit)
    if not found:
        raise UsageError(_way_out(entries, runs or []))
    rows = compare_runs(found, entries, published=published)
    print_rows(rows, form, published=published)
    if published and not any(row.published for row in rows):
        note("note: nothing is published for these runs, or not with these data, epochs and constants")


def _way_out(registry: "Registry", names: list[str]) -> str:
    """Return why there is nothing to compare, and what to do."""
    if len(names) == 1 and registry.is_figure(names[0]):
        figure = registry.figure(names[0])
        if not registry.curves(figure):
            return f"{figure.id} has no runs to compare; `analog plot {figure.id}` draws it"
        return f"no run of {figure.id} is stored; `analog sweep {figure.id}` makes them"
    return "no stored run matches; `analog list runs` shows what there is, `analog run` makes one"


def _select(
    store: "Store",
    registry: "Registry",
    names: list[str],
    overrides: dict[str, Any],
    experiment: str | None,
    newest: int,
) -> "list[RunRecord]":
    from analogcli.cli.console import note, note_of_older
    from analogcli.figures.selection import of_figure

    if not names or experiment is not None:
        where = {} if experiment is None else {"experiment": registry.experiment(experiment).id}
        found = store.runs(newest=None if names else newest or None, **where)
        if not names:
            note_of_older(store, found, **where)
        return [run for run in found if run.attempts and (not names or _named(run, names))]
    found = []
    for name in names:
        if registry.is_figure(name):
            choices = of_figure(store, registry, registry.figure(name), overrides)
            found += [choice.run for choice in choices if choice.run is not None]
            for choice in choices:
                if choice.run is None:
                    note(f"missing: {choice.curve.command}")
                elif choice.remark:
                    note(f"note: {choice.run.short_id} stands for {choice.curve.command}: {choice.remark}")
        else:
            found.append(store.run(name))
    # A run may stand in several panels.
    return list({run.id: run for run in found}.values())


def _named(run: "RunRecord", names: list[str]) -> bool:
    return any(run.id.startswith(name) for name in names)


def print_rows(rows: "list[Row]", form: Form, *, published: bool) -> None:
    """Print a comparison to stdout."""
    from analogcli.cli.console import note, print_csv, print_json, print_markdown, table

    measures = list(dict.fromkeys(row.summary.measure for row in rows))
    records = [_record(row, measures, published) for row in rows]
    columns = list(records[0])
    match form:
        case Form.JSON:
            print_json(records)
        case Form.CSV:
            print_csv(records)
        case Form.MD:
            print_markdown(columns, [[_text(v) or "–" for v in record.values()] for record in records])
        case Form.TABLE:
            # A source is a sentence: below the table it is said once, and the table keeps to one line a run.
            shown = [c for c in columns if c != "source"]
            right = [i for i, c in enumerate(shown) if c not in ("run", "experiment", "setting", "status")]
            table(None, shown, [[_text(record[c]) for c in shown] for record in records], right=right)
            for source in dict.fromkeys(r["source"] for r in records if r.get("source")):
                note(f"published: {source}")
    short = [row.run.short_id for row in rows if row.published and not row.published.matches_epochs]
    if short:
        note(f"note: {', '.join(short)} had another number of epochs than the published runs: no difference is given")


def _record(row: "Row", measures: "Sequence[Measure]", published: bool) -> dict[str, Any]:
    from analogcli.figures.summary import LAST_EPOCHS

    run, summary = row.run, row.summary
    record: dict[str, Any] = {
        "run": run.short_id,
        "experiment": run.spec_data["experiment"],
        "setting": run.spec_data["setting"],
        **{path.removeprefix("task.").removeprefix("device."): value for path, value in row.fields.items()},
        "status": run.status,
        "models": summary.n_models,
    }
    for measure in measures:
        own = summary.measure == measure
        numbers = (summary.final, summary.mean, row.std) if own else (None, None, None)
        names = {
            "test accuracy": ("last epoch [%]", f"mean of last {LAST_EPOCHS} [%]", "± std"),
            "train loss": ("last loss", f"mean of last {LAST_EPOCHS} losses", "± std of loss"),
            "floor": ("last error", "floor", "± std of floor"),
        }[measure]
        rounded = _percent if measure == "test accuracy" else _rounded
        record |= dict(zip(names, map(rounded, numbers), strict=True))
    record["time [s]"] = round(run.seconds, 1)
    if published:
        value = row.published
        record |= {
            "published" if measures == ["floor"] else "published [%]": value.value if value else None,
            "± published": value.std if value else None,
            "difference": None if row.difference is None else round(row.difference, 2),
        }
        if "floor" in measures:
            record["ratio"] = None if row.ratio is None else round(row.ratio, 2)
        record |= {
            "source": f"{value.source}; {value.rule}" if value else None,
        }
    return record


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 2)


def _rounded(loss: float | None) -> float | None:
    return None if loss is None else float(f"{loss:.4g}")


def _text(value: Any) -> str | None:
    return (
        value if value is None or isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
    )
