"""``analog sweep``: all runs of a figure or a grid, those that are stored left out."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import cluster_flags as c
from analogcli.cli import options as o

if TYPE_CHECKING:
    from analogcli.registry import Registry
    from analogcli.store import Queue, Queued, Store, Wanted
    from analogcli.sweep import Workers
    from analogcli.training import StopRequest


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
    cuda: c.DevicesOption = None,
    threads: c.AllThreadsOption = None,
    fuse: o.FuseOption = None,
    data_dir: o.DataDirOption = None,
    launcher: c.LauncherOption = c.Launcher.LOCAL,
    detach: c.DetachOption = False,
    profile: c.ProfileOption = None,
    partition: c.PartitionOption = None,
    time: c.TimeOption = None,
    gpus: c.GpusOption = None,
    cpus: c.CpusOption = None,
    memory: c.MemoryOption = None,
    setup: c.SetupOption = None,
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
) -> None:
    """Train all runs of a figure or of a grid, several at a time; what is stored is not trained again.

    The runs wait in the store until a worker has time for them: processes on this machine, jobs of a Slurm cluster
    (--launcher slurm), or those that `analog worker` starts. A run that fails does not stop the others. Ctrl-C stops
    all at a checkpoint; the same command goes on from there.

    \b
    analog sweep fig4 --dry-run
    analog sweep fig4 --dataset mnist5k --epochs 3 --workers 2
    analog sweep mnist-fcn --grid tau=0.5,0.6,0.7 --grid setting=analog-sgd,tt-v1
    analog sweep table2 --launcher slurm --profile cluster.yaml --workers 16 --detach
    """
    from analogcli.registry import load
    from analogcli.store import Store
    from analogcli.sweep import name_of

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
    cluster = c.profile(profile, partition, time, gpus, cpus, memory, setup)
    launch = c.Launch(launcher, workers, detach, cuda, threads, fuse, data_dir, cluster)
    opened = None if dry_run and not _exists(store) else Store.open(store)
    if dry_run:
        _print_plan(plan, opened)
        return
    assert opened is not None
    launch.check()
    _start(opened, plan, name_of(name, plan), launch)


def _plan(
    registry: "Registry", name: str, grid: list[str], setting: str | None, protocol: str | None, flags: dict[str, Any]
) -> "list[Wanted]":
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


def _todo(plan: "list[Wanted]", store: "Store | None") -> "list[Wanted]":
    if store is None:
        return plan
    finished = {run.spec_hash for run in store.heads(status=["finished"])}
    return [planned for planned in plan if planned.spec.hash not in finished]


def _print_plan(plan: "list[Wanted]", store: "Store | None") -> None:
    from analogcli.cli.console import note

    todo = _todo(plan, store)
    for planned in plan:
        print(planned.command + ("" if planned in todo else "    # stored"))
    note(f"{len(plan)} runs, {len(plan) - len(todo)} stored, {len(todo)} to train")


def _start(store: "Store", plan: "list[Wanted]", name: str, launch: c.Launch) -> None:
    """Queue what is not stored yet, and have it trained."""
    from analogcli.cli.console import note
    from analogcli.cli.progress import ProgressView
    from analogcli.store import Queue
    from analogcli.sweep.here import Here
    from analogcli.training import listening

    queue = Queue(store)
    todo = queue.add(name, plan)
    if not todo:
        print(f"all {len(plan)} runs are stored")
        return
    count = min(launch.count, len(todo))
    already = f", {len(plan) - len(todo)} are stored" if len(todo) < len(plan) else ""
    if launch.detach:
        told = launch.workers(store, name, count).detach(len(todo))
        note(f"{len(todo)} runs queued as {name}{already}; {told}")
        note(f"`analog status {name}` shows how far they are, `analog cancel {name}` ends them")
        return
    note(f"{len(todo)} runs to train{already}; {count} at a time")
    with listening(lambda: note("stopping all runs at a checkpoint …")) as request:
        workers: Workers = launch.workers(store, name, count)
        if all(planned.spec.task.kind == "least-squares" for planned in todo):
            workers = Here(store, name, launch.options(1), lambda: ProgressView(quiet=True), request)
        entries = _follow(queue, name, workers, {planned.spec.hash for planned in todo}, request)
    _summary(store, plan, entries, workers, name)


def _follow(queue: "Queue", name: str, workers: "Workers", todo: set[str], request: "StopRequest") -> "list[Queued]":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from analogcli.cli.console import err
    from analogcli.sweep import follow

    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("runs", total=len(todo))

        def say(text: str) -> None:
            progress.console.print(text, markup=False, soft_wrap=True)

        def changed(entry: "Queued", before: str | None) -> None:
            if entry.spec_hash not in todo:
                return
            began = entry.status == "running" or (before in (None, "queued") and entry.status in ("finished", "failed"))
            if began and before != "cancelling":
                say(f"{'start' if before in (None, 'queued') else 'again':<9} {entry.command}")
            if entry.is_over:
                progress.advance(bar)
                log = f"; log: {log}" if (log := workers.log_of(entry)) else ""
                say(f"{entry.status:<9} {entry.command}" + (f"  ({entry.error}{log})" if entry.error else ""))

        return follow(queue, name, workers, changed, say, lambda: request.asked)


def _summary(store: "Store", plan: "list[Wanted]", entries: "list[Queued]", workers: "Workers", name: str) -> None:
    from analogcli.cli.compare import Form, print_rows
    from analogcli.cli.console import note
    from analogcli.figures.comparison import compare
    from analogcli.registry import Registry

    found = [store.find(planned.spec) for planned in plan]
    runs = [run for run in found if run is not None and run.epochs_done > 0]
    if runs:
        print_rows(compare(runs, Registry()), Form.TABLE, published=False)
    failed = [entry for entry in entries if entry.status == "failed"]
    finished = [entry for entry in entries if entry.status == "finished"]
    stopped = len(plan) - len(failed) - len(finished)
    note(f"{len(plan)} runs: {len(finished)} finished, {len(failed)} failed, {stopped} stopped")
    for entry in failed:
        log = f" (log: {log})" if (log := workers.log_of(entry)) else ""
        note(f"failed: {entry.command}: {entry.error}{log}")
    if stopped:
        note(f"the same command goes on from the checkpoints; `analog cancel {name}` takes the rest out of the queue")
    if workers.reason:
        note(f"no worker is left: {workers.reason}")
    if failed or workers.reason:
        raise typer.Exit(1)
    if stopped:
        raise typer.Exit(130)
