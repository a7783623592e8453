"""``analog export``: stored results as files that other tools read."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from analogcli.store import RunRecord, Store


class Format(StrEnum):
    """What is written."""

    SEED = "seed"
    CSV = "csv"
    JSON = "json"
    TENSORBOARD = "tensorboard"
    RECORD = "record"


def export(
    run: Annotated[
        str | None,
        typer.Argument(help="Id of the run, or `last`; without it, the newest with enough models. Or a figure."),
    ] = None,
    n_models: Annotated[int | None, typer.Option("--n-models", min=1, help="Models to export (default: all).")] = None,
    format_: Annotated[Format, typer.Option("--format", help="seed: weights, accuracies, gradients, settings.")] = (
        Format.SEED
    ),
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write (default: exports/ beside the store).")
    ] = None,
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
) -> None:
    """Write a run to files: weights, accuracies, gradients and settings of each model, or tables, or TensorBoard.

    A record is one line of JSON: what came out, with what it was made, what was published. That of a run, or of all
    finished runs of a figure, goes into reproduction/ beside the store; `analog records` makes tables of them.

    \b
    analog export --n-models 10
    analog export last --format csv
    analog export 1f0c2a77 --format tensorboard --out runs
    analog export exact/fig5 --format record
    """
    from analogcli.store import Store

    opened = Store.open(store, create=False)
    if format_ is Format.RECORD:
        print(_write_records(opened, run, n_models, out, registry))
        return
    record = _choose(opened, run, n_models)
    models = list(record.models[:n_models])
    folder = out or opened.folder / "exports"
    match format_:
        case Format.SEED:
            from analogcli.export.seed import export_seed

            written = export_seed(opened, record, models, folder)
        case Format.CSV:
            from analogcli.export.tables import export_csv

            written = export_csv(record, models, folder)
        case Format.JSON:
            from analogcli.export.tables import export_json

            written = export_json(record, models, folder)
        case Format.TENSORBOARD:
            from analogcli.export.tensorboard import export_tensorboard

            written = export_tensorboard(record, models, folder)
    for path in written:
        print(path)


def _write_records(
    store: "Store", name: str | None, n_models: int | None, out: Path | None, registry: Path | None
) -> Path:
    from analogcli.cli.console import note
    from analogcli.errors import UsageError
    from analogcli.export.record import FOLDER, record_of, write_records
    from analogcli.figures.selection import of_figure
    from analogcli.registry import load

    entries = load(registry)
    if n_models is not None:
        raise UsageError("a record is of all models of a run; leave out --n-models")
    if name is not None and entries.is_figure(name):
        figure = entries.figure(name)
        chosen = [choice.run for choice in of_figure(store, entries, figure, {})]
        runs = [run for run in chosen if run is not None and run.status == "finished"]
        file = figure.id.replace("/", "-")
        if not runs:
            raise UsageError(f"no run of {figure.id} is finished; `analog sweep {figure.id}` makes them")
    else:
        runs = [store.run(name or "last")]
        file = runs[0].spec_data["experiment"]
    path = (out or store.folder / FOLDER) / f"{file}.jsonl"
    for older, newer in write_records([record_of(store, entries, run) for run in runs], path):
        note(f"note: `{newer.command}`: {newer.mean:.6g} takes the place of {older.mean:.6g}, of {older.finished}")
    return path


def _choose(store: "Store", name: str | None, n_models: int | None) -> "RunRecord":
    from analogcli.errors import UsageError

    wanted = n_models or 1
    if name is not None:
        run = store.run(name)
        if len(run.models) < wanted:
            raise UsageError(
                f"run {run.short_id} has {len(run.models)} models, not {wanted}; "
                f"export --n-models {len(run.models)}, or train them with `analog run … --n-models {wanted}`"
            )
    else:
        enough = [head for head in store.heads() if head.n_models >= wanted and head.furthest > 0]
        if not enough:
            raise UsageError(
                f"no stored run has {wanted} trained models; `analog run … --n-models {wanted}` trains them"
            )
        run = store.runs(id=enough[-1].id)[0]
    if not any(model.epochs for model in run.models[:wanted]):
        raise UsageError(f"run {run.short_id} has no epochs yet; `analog resume {run.short_id}` trains it")
    return run
