"""A table of a paper on the terminal: our mean ± std in every cell, with the published value in brackets."""

from typing import TYPE_CHECKING, Any

from analogcli.cli.compare import Form

if TYPE_CHECKING:
    from analogcli.figures.selection import Choice
    from analogcli.figures.table import Cell
    from analogcli.registry import Figure, Registry


def print_paper_table(
    registry: "Registry", figure: "Figure", choices: "list[Choice]", form: Form, *, published: bool
) -> None:
    """Print the table to stdout, and on stderr which of its runs are missing or not as the table asks for."""
    from analogcli.cli.console import note, print_csv, print_json, print_markdown, table
    from analogcli.figures.table import cells

    found = cells(figure, choices, registry)
    if form in (Form.JSON, Form.CSV):
        records = [_record(cell, published) for cell in found]
        if form is Form.JSON:
            print_json(records)
        else:
            print_csv(records)
        return
    columns = list(dict.fromkeys(cell.column for cell in found))
    by_place = {(cell.row, cell.column): cell for cell in found}
    rows = [
        [row, *(_text(by_place.get((row, column)), published) for column in columns)]
        for row in dict.fromkeys(cell.row for cell in found)
    ]
    heads = ["test accuracy [%]", *columns]
    if form is Form.MD:
        print_markdown(heads, rows)
    else:
        table(figure.title, heads, rows, right=range(1, len(heads)))
    if published:
        sources = dict.fromkeys(f"{c.published.source}; {c.published.rule}" for c in found if c.published)
        for source in sources:
            note(f"in brackets: {source}")
    for cell in found:
        if cell.choice.run is not None and cell.choice.remark:
            note(f"note: {cell.row}, {cell.column} is run {cell.choice.run.short_id}: {cell.choice.remark}")
    missing = sum(cell.choice.run is None for cell in found)
    if missing:
        note(f"{missing} of {len(found)} runs are not stored; `analog sweep {figure.id}` makes them")


def _record(cell: "Cell", published: bool) -> dict[str, Any]:
    run, mean, std = _numbers(cell)
    known = cell.published if published else None
    record = {"row": cell.row, "column": cell.column, "run": run, "mean of last 5 [%]": mean, "± std": std}
    if published:
        complete = cell.choice.run is not None and not cell.choice.remark
        record |= {
            "published [%]": known.value if known else None,
            "± published": known.std if known else None,
            "difference": round(mean - known.value, 2) if known and mean is not None and complete else None,
        }
    return record


def _numbers(cell: "Cell") -> tuple[str | None, float | None, float | None]:
    """Return the run, its mean and its std [%]."""
    if cell.choice.run is None or cell.summary is None or cell.summary.accuracy is None:
        return None, None, None
    std = None if cell.summary.std is None else round(100 * cell.summary.std, 2)
    return cell.choice.run.short_id, round(100 * cell.summary.accuracy, 2), std


def _text(cell: "Cell | None", published: bool) -> str:
    if cell is None:
        return ""
    _, mean, std = _numbers(cell)
    ours = _with_spread(mean, std)
    known = cell.published
    return f"{ours} ({_with_spread(known.value, known.std)})" if published and known else ours


def _with_spread(mean: float | None, std: float | None) -> str:
    return "–" if mean is None else f"{mean:.2f}" if std is None else f"{mean:.2f} ± {std:.2f}"
