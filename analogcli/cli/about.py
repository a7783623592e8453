"""``analog about``: what an experiment, figure, protocol, setting or device is, and where papers and scripts differ."""

from typing import Annotated

import typer

from analogcli.cli import options as o


def about(
    name: Annotated[
        str, typer.Argument(help="An experiment, figure, protocol, setting or device by any of its names.")
    ],
    registry: o.RegistryOption = None,
    json: o.JsonOption = False,
) -> None:
    """Explain one name: its source, published numbers, fields to set, and where paper and scripts differ.

    \b
    analog about mnist-fcn
    analog about exact/fig1
    analog about tt-v1
    analog about soft-bounds
    """
    from dataclasses import asdict

    from analogcli.cli.console import print_json, table
    from analogcli.registry import load
    from analogcli.registry.about import about as look_up

    found = look_up(load(registry), name)
    if json:
        print_json(asdict(found))
        return
    head = [(found.kind, found.name), ("what", found.title), ("source", found.source), ("also", ", ".join(found.also))]
    table(None, ["", ""], [row for row in head if row[1]])
    for listing in found.listings:
        print(f"\n{listing.title}")
        # A column in which no row has anything says nothing.
        used = [i for i in range(len(listing.columns)) if any(row[i] not in (None, "") for row in listing.rows)]
        table(None, [listing.columns[i] for i in used], [[row[i] for i in used] for row in listing.rows])
    if found.notes:
        print("\nnotes")
        table(None, ["", ""], [("-", note) for note in found.notes])
    if found.commands:
        print("\nnext")
        for command in found.commands:
            print(f"  {command}")
