"""``analog run``: train one spec, or show the result that is already stored."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import io_flags as io
from analogcli.cli import options as o
from analogcli.cli.text_files import text_of

if TYPE_CHECKING:
    from analogcli.spec import ExecutionOptions, RunSpec
    from analogcli.store import RunRecord


def run(
    experiment: Annotated[
        str | None, typer.Argument(help="What to train; `analog list experiments` names them.")
    ] = None,
    setting: Annotated[
        str | None,
        typer.Option(
            "--setting",
            help='How to train: fp-sgd, "Analog SGD", tt-v1 … (`analog list settings`).',
            rich_help_panel=o.SPEC,
        ),
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
    train_mode: o.TrainModeOption = None,
    block_number: o.BlockNumberOption = None,
    block_type: o.BlockTypeOption = None,
    io_perfect: io.PerfectOption = False,
    io_perfect_f: io.PerfectForwardOption = False,
    io_perfect_b: io.PerfectBackwardOption = False,
    io_perfect_t: io.PerfectTransferOption = False,
    io_inp_res_bit: io.InputBitsOption = None,
    io_out_res_bit: io.OutputBitsOption = None,
    io_inp_noise: io.InputNoiseOption = None,
    io_out_noise: io.OutputNoiseOption = None,
    set_: o.SetOption = None,
    spec_file: Annotated[
        Path | None,
        typer.Option("--spec", metavar="FILE", help="Run a spec that --dry-run printed.", rich_help_panel=o.SPEC),
    ] = None,
    dry_run: o.DryRunOption = False,
    again: Annotated[bool, typer.Option("--again", help="Train even if the same spec is already stored.")] = False,
    cuda: o.CudaOption = None,
    threads: o.ThreadsOption = None,
    fuse: o.FuseOption = None,
    data_dir: o.DataDirOption = None,
    checkpoint_minutes: o.CheckpointMinutesOption = 5.0,
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
    quiet: o.QuietOption = False,
    json: o.JsonOption = False,
) -> None:
    """Train a network and store every epoch.

    The same spec is never trained twice: its stored result is shown, and an interrupted run goes on from its last
    checkpoint. --again trains anew.

    \b
    analog run mnist-fcn --setting tt-v1 --tau 0.7
    analog run mnist-fcn --setting "Analog SGD" --tau 0.7 --dataset mnist5k --epochs 5
    analog run mnist-fcn --setting analog-sgd --device reram-sb --n-models 4
    analog run mnist-fcn --setting analog-sgd --set device.dw_min=0.002 --dry-run
    analog run mnist-lenet5 --setting resl --states 4 --tiles 6 --gamma 0.5
    analog run cifar-finetune --setting tt-v1 --model resnet34 --train-mode FFT
    analog run cifar-resnet --setting resl --block-number 3 4 6 3 --block-type D D D A A A
    """
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
        train_mode=train_mode,
        block_number=block_number,
        block_type=block_type,
    )
    perfect = {"f": io_perfect_f, "b": io_perfect_b, "t": io_perfect_t}
    reads = io.io_overrides(io_perfect, perfect, io_inp_res_bit, io_out_res_bit, io_inp_noise, io_out_noise)
    spec = resolve(experiment, setting, protocol, flags, spec_file, registry, reads)
    if dry_run:
        print(f"# spec {spec.hash}\n{spec.to_yaml()}", end="")
        return
    from analogcli.cli.progress import ProgressView
    from analogcli.store import Store
    from analogcli.training import stored_or_trained

    execution = execution_options(cuda, threads, fuse, data_dir, checkpoint_minutes)
    opened = Store.open(store)
    with ProgressView(quiet=quiet) as view:
        result = stored_or_trained(opened, spec, execution, view, again=again)
    report(result, json=json)


def resolve(
    experiment: str | None,
    setting: str | None,
    protocol: str | None,
    flags: dict[str, Any],
    spec_file: Path | None,
    registry: Path | None,
    reads: dict[str, Any] | None = None,
) -> "RunSpec":
    """Return the spec that the words on the command line mean."""
    from analogcli.errors import UsageError
    from analogcli.registry import load
    from analogcli.spec import build, load_yaml

    if spec_file is not None:
        if experiment or setting or protocol:
            raise UsageError("--spec already says what to run; leave out EXPERIMENT, --setting and --protocol")
        text = text_of("--spec", spec_file)
        return build(load(registry).overlay(load_yaml(text, f"--spec {spec_file}"), (reads or {}) | flags))
    entries = load(registry)
    if experiment is None:
        known = ", ".join(entries.experiments)
        raise UsageError(f"say what to run: `analog run EXPERIMENT`, with one of {known}, or `analog run --spec FILE`")
    own = io.that_apply(entries, experiment, protocol, setting, reads or {})
    return entries.spec(experiment, protocol=protocol, setting=setting, overrides=own | flags)


def execution_options(
    cuda: int | None,
    threads: int | None = None,
    fuse: str | None = None,
    data_dir: str | None = None,
    checkpoint_minutes: float = 5.0,
) -> "ExecutionOptions":
    """Return the options that do not decide the result; --cuda -1 is the CPU, as in the papers' scripts."""
    from pydantic import ValidationError

    from analogcli.errors import UsageError
    from analogcli.spec import ExecutionOptions

    if fuse not in (None, "auto") and not (str(fuse).isdecimal() and int(str(fuse)) > 0):
        raise UsageError(f"--fuse {fuse} is neither a number of models nor auto")
    try:
        return ExecutionOptions(
            cuda=None if cuda == -1 else cuda,
            threads=threads,
            fuse=fuse if fuse in (None, "auto") else int(str(fuse)),
            data_dir=data_dir,
            checkpoint_minutes=checkpoint_minutes,
        )
    except ValidationError as exc:
        raise UsageError(f"--checkpoint-minutes {checkpoint_minutes}: {exc.errors()[0]['msg'].lower()}") from exc


def report(run: "RunRecord", *, json: bool) -> None:
    """Print the result of a run to stdout; exit 130 if it was interrupted or cancelled."""
    from analogcli.cli.console import note, print_json
    from analogcli.cli.show import as_data, print_summary

    if json:
        print_json(as_data(run))
    else:
        print_summary(run)
    if run.status in ("interrupted", "cancelled"):
        note(f"run {run.short_id} is {run.status}; `analog resume {run.short_id}` goes on from its checkpoint")
        raise typer.Exit(130)
