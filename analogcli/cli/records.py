"""``analog records``: what was reproduced, as tables."""

from pathlib import Path
from typing import Annotated

import typer


def records(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]…", help="Files of records, e.g. exact-fig5 (default: all).")
    ] = None,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where the records lie.")] = (
        Path("results/reproduction")
    ),
    into: Annotated[
        Path | None, typer.Option("--into", metavar="FILE", help="Fill the marked tables of a Markdown text anew.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="With --into: change nothing; exit 1 where a table is not up to date.")
    ] = False,
) -> None:
    """Show reproduction records as Markdown tables, or fill the tables of a text that are marked for them.

    A mark is a line <!-- records: exact-fig5 -->; the table ends with a line <!-- end of records -->.

    \b
    analog records exact-fig5
    analog records --into README.md
    """
    from analogcli.cli.text_files import text_of
    from analogcli.errors import RunFailed, UnknownName, UsageError
    from analogcli.export.markdown import fill, table
    from analogcli.export.record import read_records

    if into is not None:
        if names:
            raise UsageError("--into fills all marked tables of the text; leave out the names")
        text = text_of("--into", into)
        filled = fill(text, folder)
        if check and filled != text:
            raise RunFailed(
                f"a table in {into} is not that of the records; `analog records --into {into}` makes it anew"
            )
        if not check:
            into.write_text(filled, encoding="utf-8")
        return
    if check:
        raise UsageError("--check goes with --into FILE")
    known = {file.stem: file for file in sorted(folder.glob("*.jsonl"))}
    if not known:
        raise UsageError(f"there are no records in {folder}; `analog export RUN --format record` writes them")
    for name in names or known:
        if name not in known:
            raise UnknownName("file of records", name, known)
        print(f"{name}\n\n{table(read_records(known[name]))}")
