"""``analog bench``: how long a training step takes here, in each engine."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from analogcli.bench import LeftOut


def bench(
    network: Annotated[
        str, typer.Argument(help="The network: fcn, lenet5, resnet18, resnet18-dddaaa, mobilenet or magnetoionic.")
    ] = "fcn",
    setting: Annotated[
        str | None,
        typer.Option("--setting", metavar="LIST", help="Analog settings to time, separated by commas (analog-sgd)."),
    ] = None,
    replicas: Annotated[
        str | None,
        typer.Option("--replicas", metavar="LIST", help="Models trained at once by our own engines, e.g. 1,8."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="LIST", help="Which of pytorch, native, magnetoionic and aihwkit compete."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", help="Devices at the cross points, as in `analog list devices` (soft-bounds)."),
    ] = None,
    perfect: Annotated[
        bool, typer.Option("--perfect", help="Exact forward and backward reads: no converters, no noise.")
    ] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size", min=1, help="Images per mini-batch (default: 10 fcn, 8 lenet5, 16 resnet18, 8 mobilenet)."
        ),
    ] = None,
    set_: o.SetOption = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns that each engine gets.")] = 9,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Steps of a turn (default: about 0.3 s of them).")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads (default: all cores).")] = None,
    cuda: o.CudaOption = None,
    registry: o.RegistryOption = None,
    quiet: o.QuietOption = False,
    json: o.JsonOption = False,
) -> None:
    """Time a training step of plain PyTorch, the native engine and AIHWKit, in turn.

    All train the same network on the same data, each in a process of its own; they take turns, so that other work on
    the machine slows all alike. Ratios are of medians. Memory is the peak of training, without libraries.

    \b
    analog bench
    analog bench lenet5 --setting analog-sgd,tt-v1 --replicas 1,8
    analog bench resnet18 --batch-size 128 --perfect --json > bench.json
    analog bench magnetoionic --replicas 1,10
    """
    from dataclasses import asdict

    from analogcli.bench import NETWORKS, as_records, contenders, measure, this_machine
    from analogcli.cli.console import note, print_json
    from analogcli.errors import UsageError
    from analogcli.processors import cores
    from analogcli.registry import load

    overrides = o.overrides(set_, device=device, batch_size=batch_size)
    competing, left_out = contenders(
        load(registry),
        network,
        _names(setting) if setting else None,
        _numbers(replicas) if replicas else None,
        _names(engine) if engine else None,
        overrides,
        perfect=perfect,
    )
    devices = device or NETWORKS[network].device
    where, name = _device(cuda)
    machine = this_machine(threads or cores(), name)

    def tell(text: str) -> None:
        if not quiet:
            note(text)

    timings, not_here = measure(competing, rounds=rounds, steps=steps, threads=machine.threads, device=where, tell=tell)
    left_out += not_here
    if not timings:
        raise UsageError("; ".join(f"{x.engine} {x.setting}: {x.reason}" for x in left_out) or "nothing to time")
    records = as_records(timings)
    reads = [c.spec.periphery.forward.perfect for c in competing if c.spec.periphery]
    exact = perfect or (bool(reads) and all(reads))
    if json:
        conditions = {"network": network, "device": devices, "perfect": exact, "rounds": rounds}
        print_json(
            conditions | {"machine": asdict(machine), "results": records, "left_out": [asdict(x) for x in left_out]}
        )
        return
    periphery = "perfect periphery" if exact else "noisy periphery"
    what = f"{devices}, {periphery}" if devices else "double devices"
    _print(f"{network}, batch {records[0]['batch_size']}, {what}\n{machine}", records, left_out)


def _print(title: str, records: list[dict[str, Any]], left_out: "list[LeftOut]") -> None:
    from analogcli.cli.console import note, table

    columns = ["engine", "setting", "R", "ms a step", "quartiles", "ms a model"]
    columns += ["time vs PyTorch", "speed vs aihwkit", "memory [MiB]"]
    rows = [
        (
            r["engine"],
            r["setting"],
            r["replicas"],
            _ms(r["step_ms"]),
            f"{_ms(r['first_quartile_ms'])} to {_ms(r['third_quartile_ms'])}",
            _ms(r["model_ms"]),
            r["times_pytorch"] and f"{r['times_pytorch']:.2f}×",
            r["faster_than_aihwkit"] and f"{r['faster_than_aihwkit']:.2f}×",
            None if r["peak_mib"] is None else f"{r['peak_mib']:.0f}",
        )
        for r in records
    ]
    table(title, columns, rows, right=range(2, len(columns)))
    for x in left_out:
        note(f"without {x.engine} {x.setting}: {x.reason}")


def _ms(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> list[int]:
    from analogcli.errors import UsageError

    try:
        numbers = [int(name) for name in _names(text)]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise UsageError(f"--replicas {text} is not a list of numbers of models, such as 1,8")
    return list(dict.fromkeys(numbers))


def _device(cuda: int | None) -> tuple[str, str | None]:
    """Return torch's name of the device, and its own if it is a CUDA device."""
    if cuda is None or cuda == -1:
        return "cpu", None
    from analogcli.cli.console import note
    from analogcli.spec import ExecutionOptions
    from analogcli.training.device import choose, describe

    device, remark = choose(ExecutionOptions(cuda=cuda))
    if remark:
        note(remark)
        return "cpu", None
    return str(device), describe(device)
