"""``analog status``: the queue: what waits, who trains what, and how far."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from rich.table import Table

    from analogcli.store import Queue, Store

LOOK_S = 1.0


def status(
    sweep: Annotated[
        str | None, typer.Argument(help="A sweep: its name, or the figure or experiment it is of; all if left out.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Do not go on showing it until all is done.")] = False,
    store: o.StoreOption = None,
    json: o.JsonOption = False,
) -> None:
    """Show the queue: runs that wait or are trained, by which worker on which host, how far, and what failed.

    On a terminal the table is live until nothing is left to do; Ctrl-C ends the showing, not the runs. Finished runs
    are listed if a sweep is named, else counted. A note names runs that are trained outside the queue.

    \b
    analog status
    analog status fig4 --once
    analog status --json
    """
    from analogcli.cli.console import out, print_json
    from analogcli.errors import UnknownName
    from analogcli.registry import load
    from analogcli.store import Queue, Store

    queue = Queue(Store.open(store, create=False))
    entries = load(None)
    asked = entries.figure(sweep).id if sweep and entries.is_figure(sweep) else sweep
    name = queue.sweep(asked) if asked else None
    if sweep and not name:
        known = dict.fromkeys(entry.sweep for entry in queue.waiting())
        raise UnknownName("sweep", sweep, known, "`analog sweep` makes one.")
    rows = _rows(queue, name)
    if json:
        print_json(rows)
        return
    console = out()
    if not rows:
        print("the queue is empty; `analog sweep` fills it")
    elif once or not console.is_terminal:
        console.print(_table(rows, name))
    else:
        _live(queue, name)
    if not name:
        _note_of_others(queue.store, {row["run"] for row in rows})


def _note_of_others(store: "Store", shown: set[str]) -> None:
    """Say which runs are trained that no sweep has put into the queue."""
    from analogcli.cli.console import note
    from analogcli.store import HELD

    for head in store.heads(status=tuple(HELD)):
        if head.status in HELD and head.short_id not in shown:
            what = f"{head.spec_data['experiment']} {head.spec_data['setting']}"
            note(f"note: run {head.short_id} ({what}) is trained outside the queue; `analog show {head.short_id}`")


def _live(queue: "Queue", name: str | None) -> None:
    import time

    from rich.live import Live

    from analogcli.cli.console import out

    with Live(console=out(), auto_refresh=False) as live:
        while True:
            rows = _rows(queue, name)
            live.update(_table(rows, name), refresh=True)
            if not any(row["status"] in ("queued", "running", "cancelling") or row["waits"] for row in rows):
                return
            time.sleep(LOOK_S)


def _rows(queue: "Queue", name: str | None) -> list[dict[str, Any]]:
    rows = []
    for entry in queue.waiting(name):
        held = entry.lease_s is not None
        run = queue.store.runs(id=entry.run_id)[0] if held or entry.status == "interrupted" else None
        rows.append(
            {
                "run": entry.run_id[:8],
                "sweep": entry.sweep,
                "status": entry.status,
                "waits": entry.is_claimable,
                "epochs": f"{run.epochs_done}/{run.epochs_planned}" if run else None,
                "worker": entry.worker if held else None,
                "host": entry.owner.hostname if held else None,
                "lease (s)": None if entry.lease_s is None else round(entry.lease_s),
                "command": entry.command,
                "error": entry.error,
            }
        )
    return rows


def _table(rows: list[dict[str, Any]], name: str | None) -> "Table":
    from collections import Counter

    from rich.table import Table
    from rich.text import Text

    counts = Counter(row["status"] for row in rows)
    shown = [row for row in rows if name or row["status"] not in ("finished", "cancelled")]
    view = Table(
        title=", ".join(f"{count} {status}" for status, count in counts.items()),
        title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False,
    )  # fmt: skip
    columns = ("run", "status", "epochs", "worker", "host", "lease (s)", "command")
    for column in columns:
        view.add_column(column, justify="right" if column in ("epochs", "lease (s)") else "left", overflow="fold")
    for row in shown:
        cells = dict(row)
        if row["error"]:
            cells["command"] = f"{row['command']}\n{row['error']}"
        elif row["status"] == "interrupted" and row["waits"]:
            cells["status"] = "interrupted, waits"
        view.add_row(*(Text("–" if cells[c] is None else str(cells[c])) for c in columns))
    return view
