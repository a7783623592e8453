"""``analog import``: folders of the magneto-ionic simulations into the store."""

from pathlib import Path
from typing import Annotated

import typer

from analogcli.cli import options as o


def import_(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A simulation's folder, or one that holds several at any depth.")
    ],
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
) -> None:
    """Read simulations of double devices, the authors' own or what `analog export` wrote, into the store.

    What is imported is compared, drawn and exported like what was trained here. A simulation that the store has is
    left alone.

    \b
    analog import simulations
    analog import results/exports/simulations/20240725164158-MNIST-double-linear-1000.0-var-0.2-…
    """
    from analogcli.cli.console import note
    from analogcli.export.seed_import import import_simulation, simulations
    from analogcli.registry import load
    from analogcli.store import Store

    found = simulations(folder)
    opened, entries = Store.open(store), load(registry)
    for simulation in found:
        run, new = import_simulation(opened, entries, simulation)
        print(f"{run.short_id}  {simulation.name}")
        if not new:
            note(f"{simulation.name} is stored already as run {run.short_id}")
