"""``analog plot``: draw a figure from whatever is stored."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import options as o
from analogcli.figures.drawing import Drawing, Quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

FORMATS = ("pdf", "png", "svg")


def plot(
    names: Annotated[list[str], typer.Argument(help="A figure (`analog list figures`), ids of runs, or drift.")],
    of: Annotated[
        Quantity,
        typer.Option(
            "--of", help="Of runs: accuracy or losses, mean |gradient|, weights of double devices, warm start of resl."
        ),
    ] = Quantity.RESULT,
    formats: Annotated[str, typer.Option("--format", metavar="LIST", help="Any of pdf, png, svg.")] = "pdf,png",
    show: Annotated[bool, typer.Option("--show", help="Open a window with the picture.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write (default: figures/ beside the store).")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="csv", help="Print the numbers behind a figure instead of drawing.")
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Draw the published values faintly behind ours, where there are any.")
    ] = False,
    epochs: o.EpochsOption = None,
    seed: o.SeedOption = None,
    n_models: o.NModelsOption = None,
    dataset: o.DatasetOption = None,
    backend: o.BackendOption = None,
    set_: o.SetOption = None,
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
) -> None:
    """Draw a figure of a paper, or the accuracy curves of some runs, from the store; of regressions the losses.

    What is not stored yet is named with the command that makes it. The options that change the runs are those that
    the runs were made with.

    \b
    analog plot fig4
    analog plot fig4 --dataset mnist5k --format svg
    analog plot 1f0c2a77 9be2d3a0
    analog plot aihwkit-01
    analog plot exact/fig1 --published
    analog plot exact/fig1 --data csv
    analog plot last --of gradient
    analog plot last --of warm-start
    analog plot drift 1f0c2a77 9be2d3a0             accuracy against time, after analog infer
    """
    from analogcli.cli.console import note
    from analogcli.errors import AnalogError, UsageError
    from analogcli.figures import draw, draw_runs
    from analogcli.figures.theme import save
    from analogcli.registry import load
    from analogcli.store import Store, locate

    suffixes = _formats(formats)
    entries = load(registry)
    overrides = o.overrides(set_, epochs=epochs, seed=seed, n_models=n_models, dataset=dataset, backend=backend)
    figure = entries.figure(names[0]) if entries.is_figure(names[0]) else None
    drawn_alone = [name for name in names if entries.is_figure(name)]
    if drawn_alone and len(names) > 1:
        raise UsageError(f"{drawn_alone[0]} is a figure of its own: draw it alone, `analog plot {drawn_alone[0]}`")
    if figure is not None and figure.kind in draw.WITHOUT_RUNS:
        drawn = draw.without_runs(figure)
    else:
        opened = Store.open(store, create=False)
        if figure is not None:
            drawn = draw.of_registry(opened, entries, figure, overrides, published=published)
        elif names[0].lower() == draw_runs.DRIFT:
            drawn = draw_runs.of_drift(opened, [opened.run(n) for n in names[1:]])
        else:
            try:
                runs = [opened.run(n) for n in names]
            except AnalogError:
                entries.figure(names[0])  # names the nearest figure, which is what was most likely meant
                raise
            drawn = draw_runs.of_runs(opened, runs, of)
    for remark in drawn.remarks:
        note(remark)
    if data is not None:
        _print_numbers(data, drawn)
        return
    for path in save(drawn.canvas(), out or locate(store).folder / "figures", drawn.name, suffixes):
        print(path)
    if show:
        _show(drawn.canvas(), note)


def _print_numbers(form: str, drawn: Drawing) -> None:
    from analogcli.cli.console import print_csv
    from analogcli.errors import UnknownName, UsageError

    if form != "csv":
        raise UnknownName("form of data", form, ["csv"])
    if drawn.numbers is None:
        raise UsageError("--data has no numbers of this picture; `analog export` writes those of a run")
    print_csv(drawn.numbers())


def _formats(text: str) -> list[str]:
    from analogcli.errors import UnknownName

    suffixes = [part.strip().lower() for part in text.split(",") if part.strip()]
    for suffix in suffixes:
        if suffix not in FORMATS:
            raise UnknownName("picture format", suffix, FORMATS)
    return suffixes or ["png"]


def _show(canvas: "Canvas", note: Any) -> None:
    import matplotlib.pyplot as plt

    if plt.get_backend().lower() == "agg":
        note("--show: there is no display here; open the file instead")
        return
    manager = plt.figure().canvas.manager
    assert manager is not None
    manager.canvas.figure = canvas
    canvas.set_canvas(manager.canvas)
    plt.show()
