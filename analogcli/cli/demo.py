"""``analog demo``: a first comparison and a first picture, without a network."""

from pathlib import Path

import typer

from analogcli.cli import options as o


def demo(
    epochs: o.EpochsOption = None,
    cuda: o.CudaOption = None,
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
    quiet: o.QuietOption = False,
) -> None:
    """Train fp-sgd, analog-sgd and tt-v1 on the embedded digits, then show the table and the picture.

    Takes about a minute on a laptop and needs no network.

    \b
    analog demo
    """
    from analogcli.cli.compare import Form, print_rows
    from analogcli.cli.console import note
    from analogcli.cli.progress import ProgressView
    from analogcli.cli.run import execution_options
    from analogcli.figures import draw
    from analogcli.figures.comparison import compare
    from analogcli.figures.theme import save
    from analogcli.registry import load
    from analogcli.store import Store
    from analogcli.training import stored_or_trained

    entries = load(registry)
    figure = entries.figure("demo")
    overrides = o.overrides(None, epochs=epochs)
    opened = Store.open(store)
    execution = execution_options(cuda)
    runs = []
    for curve in entries.curves(figure, overrides):
        with ProgressView(quiet=quiet) as view:
            runs.append(stored_or_trained(opened, curve.spec, execution, view))
        if runs[-1].status == "interrupted":
            note("`analog demo` goes on from the checkpoint")
            raise typer.Exit(130)
    print_rows(compare(runs, entries), Form.TABLE, published=False)
    drawn = draw.of_registry(opened, entries, figure, overrides)
    for remark in drawn.remarks:
        note(remark)
    paths: list[Path] = save(drawn.canvas(), opened.folder / "figures", "demo", ["png"])
    print(paths[0])
    note("next: `analog list`, or `analog run mnist-fcn --setting tt-v1 --tau 0.7` for the real thing")
