"""``analog sweep``: all runs of a figure or a grid, those that are stored left out."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from collections.abc import Callable

    from analogcli.registry import Registry
    from analogcli.spec import ExecutionOptions
    from analogcli.store import Store
    from analogcli.sweep import Outcome, Planned, Result


def sweep(
    name: Annotated[str, typer.Argument(help="A figure (`analog list figures`) or, with --grid, an experiment.")],
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", metavar="NAME=V,V…", help="Values to combine, e.g. tau=0.5,0.6 (repeatable)."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Runs at a time, each in a process (default: cores, at most 4)."),
    ] = None,
    setting: Annotated[
        str | None, typer.Option("--setting", help="Setting of a grid that has none as an axis.")
    ] = None,
    protocol: o.ProtocolOption = None,
    tau: o.TauOption = None,
    states: o.StatesOption = None,
    lr: o.LrOption = None,
    clipping: o.ClippingOption = None,
    var: o.VarOption = None,
    resistor_noise: o.ResistorNoiseOption = None,
    epochs: o.EpochsOption = None,
    batch_size: o.BatchSizeOption = None,
    seed: o.SeedOption = None,
    n_models: o.NModelsOption = None,
    dataset: o.DatasetOption = None,
    device: o.DeviceOption = None,
    backend: o.BackendOption = None,
    gamma: o.GammaOption = None,
    tiles: o.TilesOption = None,
    warm_start: o.WarmStartOption = None,
    model: o.ModelOption = None,
    pretrained: o.PretrainedOption = None,
    set_: o.SetOption = None,
    dry_run: o.DryRunOption = False,
    cuda: o.CudaOption = None,
    threads: o.ThreadsOption = None,
    fuse: o.FuseOption = None,
    data_dir: o.DataDirOption = None,
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
) -> None:
    """Train all runs of a figure or of a grid, several at a time; what is stored is not trained again.

    A run that fails does not stop the others. Ctrl-C stops all at a checkpoint; the same command goes on from there.

    \b
    analog sweep fig4 --dry-run
    analog sweep fig4 --dataset mnist5k --epochs 3 --workers 2
    analog sweep mnist-fcn --grid tau=0.5,0.6,0.7 --grid setting=analog-sgd,tt-v1
    """
    from analogcli.cli.run import execution_options
    from analogcli.registry import load
    from analogcli.store import Store
    from analogcli.sweep import default_workers

    flags = o.overrides(
        set_,
        tau=tau,
        states=states,
        lr=lr,
        clipping=clipping,
        var=var,
        resistor_noise=resistor_noise,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        n_models=n_models,
        dataset=dataset,
        device=device,
        backend=backend,
        gamma=gamma,
        tiles=tiles,
        warm_start=warm_start,
        model=model,
        pretrained=pretrained,
    )
    plan = _plan(load(registry), name, grid or [], setting, protocol, flags)
    if not plan:
        print(f"{name} shows nothing that is trained; `analog plot {name}` draws it")
        return
    opened = None if dry_run and not _exists(store) else Store.open(store)
    todo = _todo(plan, opened)
    if dry_run:
        _print_plan(plan, opened)
        return
    assert opened is not None
    if not todo:
        print(f"all {len(plan)} runs are stored")
        return
    count = min(workers or default_workers(), len(todo))
    results = _run(opened, todo, count, len(plan) - len(todo), execution_options(cuda, threads, fuse, data_dir))
    _summary(opened, plan, results)


def _plan(
    registry: "Registry", name: str, grid: list[str], setting: str | None, protocol: str | None, flags: dict[str, Any]
) -> "list[Planned]":
    from analogcli.cli.console import note
    from analogcli.errors import UsageError
    from analogcli.sweep import parse_axis, plan_figure, plan_grid

    if not grid and registry.is_figure(name):
        if setting or protocol:
            raise UsageError("a figure has its own settings and protocol; leave out --setting and --protocol")
        return plan_figure(registry, name, flags)
    if not grid:
        if registry.is_experiment(name):
            raise UsageError(f"{name} is an experiment: say what to vary, e.g. --grid tau=0.5,0.6, or use `analog run`")
        registry.figure(name)
    axes: dict[str, list[Any]] = {}
    for text in grid:
        path, values = parse_axis(text)
        if path in axes:
            raise UsageError(f"--grid {text!r}: {path} is an axis already; give all its values in one --grid")
        axes[path] = values
    plan, dropped = plan_grid(registry, name, axes, protocol=protocol, setting=setting, overrides=flags)
    if dropped:
        note(f"note: {', '.join(dropped)} left out where the setting does not have it")
    return plan


def _exists(store: str | None) -> bool:
    from analogcli.store import locate

    file = locate(store).file
    return file is None or file.is_file()


def _todo(plan: "list[Planned]", store: "Store | None") -> "list[Planned]":
    if store is None:
        return plan
    finished = {run.spec_hash for run in store.runs(status="finished")}
    return [planned for planned in plan if planned.spec.hash not in finished]


def _print_plan(plan: "list[Planned]", store: "Store | None") -> None:
    from analogcli.cli.console import note

    todo = _todo(plan, store)
    for planned in plan:
        print(planned.command + ("" if planned in todo else "    # stored"))
    note(f"{len(plan)} runs, {len(plan) - len(todo)} stored, {len(todo)} to train")


def _run(
    store: "Store", todo: "list[Planned]", workers: int, stored: int, execution: "ExecutionOptions"
) -> "list[Result]":
    import signal
    import sys

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from analogcli.cli.console import err
    from analogcli.sweep import LocalSweep

    console = err()
    already = f", {stored} are stored" if stored else ""
    console.print(f"{len(todo)} runs to train{already}; {workers} at a time", markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    sweep = LocalSweep(store.location.address, store.folder / "logs", execution)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("runs", total=len(todo))

        def started(planned: "Planned") -> None:
            progress.console.print(f"start     {planned.command}", markup=False, soft_wrap=True)

        def ended(result: "Result") -> None:
            progress.advance(bar)
            why = f"  ({result.reason}; log: {result.log})" if result.outcome == "failed" else ""
            progress.console.print(f"{result.outcome:<9} {result.planned.command}{why}", markup=False, soft_wrap=True)

        def stop(*_: object) -> None:
            print("stopping all runs at a checkpoint …", file=sys.stderr)
            sweep.stop()

        quick = [planned for planned in todo if planned.spec.task.kind == "least-squares"]
        results = _here(store, quick, execution, started, ended)
        if any(result.outcome == "stopped" for result in results):
            sweep.stop()
        old = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return results + sweep.run([p for p in todo if p not in quick], workers, started, ended)
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)


def _here(
    store: "Store",
    quick: "list[Planned]",
    execution: "ExecutionOptions",
    started: "Callable[[Planned], None]",
    ended: "Callable[[Result], None]",
) -> "list[Result]":
    """Train runs that take less time than a process takes to start, one after the other; they stop as others do."""
    from analogcli.cli.run import run_spec
    from analogcli.errors import AnalogError
    from analogcli.sweep import Result

    results: list[Result] = []
    for planned in quick:
        outcome: Outcome = "stopped"
        reason = "not started"
        if all(result.outcome != "stopped" for result in results):
            started(planned)
            try:
                status = run_spec(store, planned.spec, execution, quiet=True).status
                outcome = "finished" if status == "finished" else "stopped"
                reason = "" if status == "finished" else status
            except AnalogError as exc:
                outcome, reason = "failed", str(exc)
        results.append(Result(planned, outcome, reason, store.folder / "logs"))
        ended(results[-1])
    return results


def _summary(store: "Store", plan: "list[Planned]", results: "list[Result]") -> None:
    from analogcli.cli.compare import Form, print_rows
    from analogcli.cli.console import note
    from analogcli.figures.comparison import compare
    from analogcli.registry import Registry

    found = [store.find(planned.spec) for planned in plan]
    runs = [run for run in found if run is not None and run.epochs_done > 0]
    if runs:
        print_rows(compare(runs, Registry()), Form.TABLE, published=False)
    failed = [r for r in results if r.outcome == "failed"]
    stopped = [r for r in results if r.outcome == "stopped"]
    finished = len(plan) - len(failed) - len(stopped)
    note(f"{len(plan)} runs: {finished} finished, {len(failed)} failed, {len(stopped)} stopped")
    for result in failed:
        note(f"failed: {result.planned.command}: {result.reason} (log: {result.log})")
    if stopped:
        note("the same command goes on from the checkpoints")
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(1)
