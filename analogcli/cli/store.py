"""``analog store``: look after the results store."""

from typing import Annotated

import typer

from analogcli.cli import options as o

app = typer.Typer(
    no_args_is_help=True, help="Look after the results store: where it is, is it sound, copy and delete runs."
)


@app.command()
def info(store: o.StoreOption = None, json: o.JsonOption = False) -> None:
    """Show where the store is and how much it holds."""
    from analogcli.cli.console import print_json, table
    from analogcli.store import Store

    opened = Store.open(store, create=False)
    places = {"store": opened.location, "files": opened.folder, "checkpoints in": opened.files}
    rows = {what: str(place) for what, place in places.items()} | opened.counts()
    if json:
        print_json(rows)
    else:
        table(None, ["", ""], rows.items())


@app.command()
def check(store: o.StoreOption = None) -> None:
    """Check the database and the digest of every checkpoint file; exit 1 if something is wrong."""
    from analogcli.cli.console import note
    from analogcli.store import Store, network_file_system

    opened = Store.open(store, create=False)
    file = opened.location.file
    if file and (kind := network_file_system(file)):
        note(f"note: {file} is on a network file system ({kind}): for one machine only, for several use PostgreSQL")
    problems = opened.problems()
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(1)
    print("the store is sound")


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The store to copy from: a path or a URL.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The store to copy to; made where there is none.")],
    quiet: o.QuietOption = False,
    json: o.JsonOption = False,
) -> None:
    """Copy runs with all that belongs to them from one store into another, SQLite or PostgreSQL.

    Each run is copied whole, under its id, and only once; of a run that both have the one that got further stays.
    What was interrupted goes on where it is typed again. Exit 1 if a checkpoint is missing or altered.

    \b
    analog store copy results/analog.db postgresql://me@server/lab
    analog store copy postgresql://me@server/lab backup/analog.db
    """
    from collections import Counter

    from rich.progress import track

    from analogcli.cli.console import err, note, print_json
    from analogcli.store import WHAT, Store, copy_runs

    number, copying = copy_runs(Store.open(source, create=False), Store.open(target))
    silent = quiet or not err().is_terminal
    done = list(track(copying, "copying", number, console=err(), transient=True, disable=silent))
    counts = Counter(one.what for one in done)
    if json:
        print_json([{"run": one.run_id, "what": one.what, "problems": one.problems} for one in done])
    else:
        print("runs: " + ", ".join(f"{counts[w]} {w}" for w in WHAT if counts[w] or w == "copied"))
    for one in done:
        if one.what == "being trained":
            note(f"note: run {one.run_id[:8]} is being trained: copy again once it has ended")
        for problem in one.problems:
            note(f"run {one.run_id[:8]} without a checkpoint: {problem}")
    if any(one.problems for one in done):
        raise typer.Exit(1)


@app.command()
def delete(
    runs: Annotated[list[str], typer.Argument(help="Ids of runs (their first characters are enough).")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: o.StoreOption = None,
) -> None:
    """Delete runs with everything that belongs to them."""
    from analogcli.store import Store

    opened = Store.open(store, create=False)
    found = [opened.run(name) for name in runs]
    for run in found:
        label = f"run {run.short_id} ({run.spec_data['experiment']} {run.spec_data['setting']}, {run.status})"
        if yes or typer.confirm(f"delete {label}?"):
            opened.delete(run.id)
            print(f"deleted {label}")


@app.command()
def torture(
    kills: Annotated[int, typer.Option("--kills", min=1, help="How many workers to kill.")] = 1000,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Workers at a time.")] = 4,
    seed: Annotated[int, typer.Option("--seed", help="Of the random moments.")] = 0,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="PATH|URL", help="An empty store (default: one for now)."),
    ] = None,
) -> None:
    """Kill workers at random moments, again and again, and check that nothing is lost; exit 1 if something is.

    Tells whether this machine's disk, or your database server, keeps what it says it has written.

    \b
    analog store torture --kills 200
    analog store torture --store postgresql://me@server/empty
    """
    import tempfile
    import time

    from rich.progress import Progress

    from analogcli.bench.faults import campaign
    from analogcli.cli.console import err, table
    from analogcli.errors import UsageError
    from analogcli.store import Store

    with tempfile.TemporaryDirectory(prefix="analog-torture-") as folder:
        opened = Store.open(store or folder)
        if opened.count():
            raise UsageError(f"the store {opened.location} has runs already; torture wants an empty one")
        began, console = time.monotonic(), err()
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task("workers killed", total=kills)
            report = campaign(opened, kills, workers, seed, lambda so_far: progress.update(bar, completed=so_far.kills))
        seconds = round(time.monotonic() - began)
    table(
        None,
        ["", ""],
        [
            ("workers killed", report.kills),
            ("runs", f"{report.runs}, in {report.attempts} attempts"),
            ("given up and tried again", report.given_up),
            ("seconds", seconds),
            ("lost or wrong", len(report.problems) or "nothing"),
        ],
    )
    for problem in report.problems:
        print(problem)
    if report.problems:
        raise typer.Exit(1)
