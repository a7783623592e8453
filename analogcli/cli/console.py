"""What a person sees: data on stdout, everything else on stderr; no colour and no cut-off lines when piped."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from analogcli.store import RunRecord, Store

PIPE_WIDTH = 240
WORD = 40
"""Characters of a word up to which no column of a table is narrower."""


def out(*, wide: bool = False) -> Console:
    """Return the console for data, as wide as the terminal; ``wide``: as if there were none."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() and not wide else PIPE_WIDTH, highlight=False)


def err() -> Console:
    """Return the console for progress, notes and errors."""
    return Console(file=sys.stderr, width=None if sys.stderr.isatty() else PIPE_WIDTH, highlight=False)


def note(text: str) -> None:
    """Print a note to stderr."""
    err().print(text, markup=False, soft_wrap=True)


def note_of_older(store: "Store", shown: "Sequence[RunRecord]", **where: str) -> None:
    """Say on stderr how many of the stored runs are older than those that are shown."""
    more = store.count(**where) - len(shown)
    if more > 0:
        note(f"note: the newest {len(shown)} runs; --newest 0 shows {more} older ones too")


def print_json(value: Any) -> None:
    """Print a value as JSON to stdout; moments and paths become text."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_csv(records: Sequence[Mapping[str, object]]) -> None:
    """Print records of the same fields as CSV to stdout."""
    writer = csv.DictWriter(sys.stdout, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)


def print_markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table as Markdown to stdout."""
    print(f"| {' | '.join(columns)} |")
    print(f"|{'|'.join('---' for _ in columns)}|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def table(
    title: str | None, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()
) -> None:
    """Print a table to stdout; ``right`` are the columns that are numbers.

    Where the terminal is too narrow, columns wrap between words; where that does not help, whole lines do: an id or a
    number is never cut.
    """
    numbers = set(right)
    cells = [["–" if cell is None else str(cell) for cell in row] for row in rows]
    view = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    view.show_header = any(columns)
    for i, name in enumerate(columns):
        longest = max((len(word) for row in [columns, *cells] for word in row[i].split()), default=0)
        view.add_column(
            name, justify="right" if i in numbers else "left", overflow="fold", min_width=min(longest, WORD)
        )
    for row in cells:
        view.add_row(*row)
    least = sum(column.min_width or 0 for column in view.columns) + 2 * (len(columns) - 1)
    console = out()
    (console if least <= console.width else out(wide=True)).print(view, markup=False)


def percent(fraction: float | None, digits: int = 2) -> str | None:
    """Return a fraction as a percentage without its sign."""
    return None if fraction is None else f"{100 * fraction:.{digits}f}"


def duration(seconds: float) -> str:
    """Return a time as people write it: 8.4 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def loss_text(loss: float) -> str:
    """Return a loss with four digits after the point, or as a power of ten where these would be lost."""
    return f"{loss:.4f}" if loss >= 0.01 or loss == 0 else f"{loss:.3e}"
