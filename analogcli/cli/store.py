"""``analog store``: look after the results store."""

from typing import Annotated

import typer

from analogcli.cli import options as o

app = typer.Typer(no_args_is_help=True, help="Look after the results store: where it is, is it sound, delete runs.")


@app.command()
def info(store: o.StoreOption = None, json: o.JsonOption = False) -> None:
    """Show where the store is and how much it holds."""
    from analogcli.cli.console import print_json, table
    from analogcli.store import Store

    opened = Store.open(store, create=False)
    rows = {"store": str(opened.location), "files": str(opened.folder), **opened.counts()}
    if json:
        print_json(rows)
    else:
        table(None, ["", ""], rows.items())


@app.command()
def check(store: o.StoreOption = None) -> None:
    """Check the database and the digest of every checkpoint file; exit 1 if something is wrong."""
    from analogcli.cli.console import note
    from analogcli.store import Store
    from analogcli.store.network import network_file_system

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
