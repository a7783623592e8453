"""Tables of reproduction records in a Markdown text, between marks; what stands between them is always made anew::

    <!-- records: exact-fig5 -->
    | command | models | … |
    <!-- end of records -->

The table of ``exact-fig5`` is made of the lines of ``exact-fig5.jsonl``; several names make one table.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from analogcli.errors import UsageError
from analogcli.export.record import Record, read_records

MARKED = re.compile(r"(<!-- records: ([\w. -]+) -->\n)(.*?)(<!-- end of records -->)", re.S)

Column = Callable[[Record], str]


def fill(text: str, folder: Path) -> str:
    """Return a Markdown text with every marked table made from the records in ``folder``.

    Raises:
        UsageError: it has no marks, or a file of records is missing or damaged.
    """
    if not MARKED.search(text):
        raise UsageError("the text has no line <!-- records: NAME --> with <!-- end of records --> behind it")

    def made(marked: re.Match[str]) -> str:
        records = [record for name in marked[2].split() for record in read_records(folder / f"{name}.jsonl")]
        return marked[1] + table(records) + marked[4]

    return MARKED.sub(made, text)


def table(records: Sequence[Record]) -> str:
    """Return records as a Markdown table, without columns of which no record has anything."""
    columns: dict[str, Column] = {
        "command": lambda r: f"`{r.command}`",
        "models": lambda r: str(len(r.models)),
        _head(records): lambda r: _spread(r, r.mean, r.std),
        "published": lambda r: _spread(r, r.published.value, r.published.std) if r.published else "",
        "difference": lambda r: _difference(r, r.mean, r.published.value if r.published else None),
        "relaxed [%]": lambda r: "" if r.relaxed is None else f"{r.relaxed:.2f}",
        "published relaxed": lambda r: "" if _relaxed(r) is None else f"{_relaxed(r):.2f}",
        "difference relaxed": lambda r: _difference(r, r.relaxed, _relaxed(r)),
        **_drifted(records),
        "time": lambda r: _time(r.seconds),
    }
    cells = {head: [cell(record) for record in records] for head, cell in columns.items()}
    shown = {head: own for head, own in cells.items() if any(own)}
    rows = [list(shown), ["---"] * len(shown), *zip(*shown.values(), strict=True)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _drifted(records: Sequence[Record]) -> dict[str, Column]:
    """Return a column for each time and drift compensation after programming."""
    kinds = sorted({(d.seconds, str(d.memory["drift_compensation"])) for r in records for d in r.drifted})

    def cell(seconds: float, compensation: str) -> Column:
        def at(record: Record) -> str:
            found = [
                d for d in record.drifted if (d.seconds, d.memory["drift_compensation"]) == (seconds, compensation)
            ]
            return _spread(record, found[-1].mean, found[-1].std) if found else ""

        return at

    return {f"after {s:g} s, drift compensation {name}": cell(s, name) for s, name in kinds}


def _head(records: Sequence[Record]) -> str:
    kinds = {(r.measure, r.last_epochs) for r in records}
    if len(kinds) > 1:
        return "result"
    ((measure, last),) = kinds
    if measure == "floor":
        return "error, mean of the last fifth"
    unit = "test accuracy [%]" if measure == "test accuracy" else "training loss"
    return f"{unit}, last epoch" if last == 1 else f"{unit}, mean of the last {last} epochs"


def _spread(record: Record, mean: float, std: float | None) -> str:
    return _number(record, mean) + ("" if std is None else f" ± {_number(record, std)}")


def _difference(record: Record, ours: float | None, theirs: float | None) -> str:
    if ours is None or theirs is None:
        return ""
    return f"{ours / theirs:.2f} ×" if record.measure == "floor" else f"{ours - theirs:+.2f}"


def _number(record: Record, value: float) -> str:
    return {"test accuracy": f"{value:.2f}", "train loss": f"{value:.4f}", "floor": f"{value:.2e}"}[record.measure]


def _relaxed(record: Record) -> float | None:
    return record.published.relaxed if record.published else None


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
