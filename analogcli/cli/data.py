"""``analog data``: the data sets, where they are, and fetching them."""

from typing import Annotated

import typer

from analogcli.cli import options as o


def data(
    fetch: Annotated[str | None, typer.Argument(help="A data set to download now; lists all if left out.")] = None,
    data_dir: o.DataDirOption = None,
    json: o.JsonOption = False,
) -> None:
    """List the data sets and where they lie on this machine, or fetch one.

    \b
    analog data
    analog data mnist
    """
    from analogcli import data as sets
    from analogcli.cli.console import note, print_json, table

    if fetch is not None:
        import torch

        loaded = sets.load(fetch, data_dir, torch.device("cpu"), progress=True)
        note(f"{loaded.name}: {len(loaded.train_y_B)} training and {len(loaded.test_y_B)} test images")
        print(sets.where(fetch, data_dir))
        return
    rows = [
        {
            "data set": name,
            "here": sets.available(name, data_dir),
            "what": sets.describe(name),
            "where": str(sets.where(name, data_dir)),
        }
        for name in sets.names()
    ]
    if json:
        print_json(rows)
        return
    cells = [(r["data set"], "yes" if r["here"] else "no", r["what"], r["where"]) for r in rows]
    table(None, ["data set", "here", "what", "where"], cells)
    print("image-folder:PATH  your own images, as PATH/train/<class>/* and PATH/test/<class>/*")
