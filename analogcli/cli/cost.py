"""``analog cost``: what the arrays of a run would cost on a chip, by the multi-tile paper's formulas."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from analogcli.nn.cost import Cost
    from analogcli.spec import RunSpec

HEADS = ("arrays", "area [mm²]", "storage [KB]", "memory [bit]", "operations", "time [ns]", "energy [nJ]")


def cost(
    name: Annotated[str, typer.Argument(help="Id of a run, `last`, or an experiment that need not have been run.")],
    setting: Annotated[str | None, typer.Option("--setting", help="Setting of an experiment.")] = None,
    protocol: o.ProtocolOption = None,
    tiles: o.TilesOption = None,
    batch_size: o.BatchSizeOption = None,
    dataset: o.DatasetOption = None,
    model: o.ModelOption = None,
    block_number: o.BlockNumberOption = None,
    block_type: o.BlockTypeOption = None,
    set_: o.SetOption = None,
    updates_per_transfer: Annotated[
        float, typer.Option("--n-s", help="Updates for each transfer in the formulas (paper: n_s).")
    ] = 2.0,
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
    json: o.JsonOption = False,
) -> None:
    """Estimate area, digital storage, update time and energy of a run's network, layer by layer and in sum.

    Formulas are those of arXiv 2510.02516, appendix I, for analog-sgd, tt-v2, mp and resl. Below the layers the same
    network is shown under all four, with the paper's own estimates where it has any.

    \b
    analog cost last
    analog cost mnist-lenet5 --setting resl --tiles 6
    analog cost cifar-resnet --setting resl --block-type D D D A A A --json
    """
    from dataclasses import asdict

    from analogcli import data
    from analogcli.cli.console import note, print_json, table
    from analogcli.nn import cost as formulas

    flags = o.overrides(
        set_,
        tiles=tiles,
        batch_size=batch_size,
        dataset=dataset,
        model=model,
        block_number=block_number,
        block_type=block_type,
    )
    spec = _spec(name, setting, protocol, flags, store, registry)
    method, terms = formulas.method_of(spec), formulas.terms_of(spec, updates_per_transfer)
    layers = formulas.layers_of(spec.task.model, data.Pipeline.of(spec.task).seen(data.size(spec.task.dataset)))
    own = {layer.name: formulas.cost(layer, method, terms) for layer in layers}
    sums = {m: formulas.total(formulas.cost(layer, m, terms) for layer in layers) for m in formulas.METHODS}
    known = formulas.published(layers, terms)
    if json:
        print_json(
            {
                "setting": spec.setting,
                "batch_size": terms.batch,
                "n_s": terms.updates_per_transfer,
                "tiles": terms.tiles,
                "layers": [asdict(layer) | asdict(own[layer.name]) for layer in layers],
                "sum": asdict(sums[method]),
                "methods": {m: asdict(one) for m, one in sums.items()},
                "published": asdict(known) if known else None,
            }
        )
        return
    title = f"{spec.experiment} {spec.setting}: an update of {terms.batch} images, n_s = {terms.updates_per_transfer:g}"
    rows = [[layer.name, f"{layer.outputs}×{layer.inputs}", *_cells(own[layer.name])] for layer in layers]
    table(title, ["layer", "array", *HEADS], [*rows, ["all", "", *_cells(sums[method])]], right=range(2, 9))
    print()
    heads = ["method", *HEADS, *(("published storage [KB]", "published time [ns]") if known else ())]
    estimates = known.of_method if known else {}
    compared = [
        [m, *_cells(sums[m]), *([f"{e.storage_kb:,g}", f"{e.time_ns:,g}"] if (e := estimates.get(m)) else [])]
        for m in formulas.METHODS
    ]
    table("the same network under every method", heads, compared, right=range(1, len(heads)))
    note("layers work side by side: the time is that of the slowest; memory and operations are those of one update")
    if known:
        area = f"area of one array for each layer {known.area_mm2} mm²"
        note(f"published: arXiv 2510.02516, tables 5 to 8, {known.network}; {area}")


def _spec(
    name: str,
    setting: str | None,
    protocol: str | None,
    flags: dict[str, Any],
    store: str | None,
    registry: "Any",
) -> "RunSpec":
    """Return the spec of a stored run, or of what the words mean."""
    from analogcli.errors import UsageError
    from analogcli.registry import load
    from analogcli.store import Store

    entries = load(registry)
    if entries.is_experiment(name):
        return entries.spec(name, protocol=protocol, setting=setting, overrides=flags)
    if setting or protocol or flags:
        raise UsageError(f"{name} is no experiment, and a stored run is what it is; leave out the options of a spec")
    return Store.open(store, create=False).run(name).spec


def _cells(cost: "Cost") -> list[str]:
    """Return the columns of a table."""
    energy = "–" if cost.energy_nj is None else _short(cost.energy_nj)
    return [
        str(cost.arrays),
        _short(cost.area_mm2),
        _short(cost.storage_bytes / 1000),
        f"{cost.memory_bits:,.0f}",
        f"{cost.operations:,.0f}",
        f"{cost.time_ns:,.1f}",
        energy,
    ]


def _short(number: float) -> str:
    """Return four digits of a number, without powers of ten."""
    return f"{float(f'{number:.4g}'):,.12g}"
