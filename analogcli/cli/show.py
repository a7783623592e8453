"""``analog show``: everything that is known of one run."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from analogcli.store import EpochRecord, RunRecord


def show(
    run: Annotated[str, typer.Argument(help="Id of the run (its first characters are enough), or `last`.")] = "last",
    store: o.StoreOption = None,
    json: o.JsonOption = False,
) -> None:
    """Show one run: result, epochs, resolved spec, and with what, where and by which command it was made.

    \b
    analog show last
    analog show 1f0c2a77 --json
    """
    from analogcli.cli.console import print_json
    from analogcli.store import Store

    record = Store.open(store, create=False).run(run)
    if json:
        print_json(as_data(record))
        return
    print_summary(record)
    _print_epochs(record)
    _print_provenance(record)
    print(f"\nspec {record.spec_hash}\n{record.spec.to_yaml()}", end="")


def as_data(run: "RunRecord") -> dict[str, Any]:
    """Return a run as plain data for --json."""
    from dataclasses import asdict

    from analogcli.figures.summary import summarise

    return {
        "id": run.id,
        "status": run.status,
        "error": run.error,
        "spec_hash": run.spec_hash,
        "spec": run.spec_data,
        "summary": asdict(summarise(run)),
        "repeatable": run.repeatable,
        "resolved_config": run.resolved_config,
        "created_at": run.created_at.isoformat(),
        "seconds": run.seconds,
        "attempts": list(run.attempts),
        "models": [
            {"index": m.index, "seed": m.seed, "epochs": [epoch.as_data() for epoch in m.epochs]} for m in run.models
        ],
    }


def print_summary(run: "RunRecord") -> None:
    """Print what came out of a run, in a few lines."""
    from analogcli.cli.console import duration, table
    from analogcli.figures.summary import summarise

    summary, spec = summarise(run), run.spec_data
    device = spec.get("device")
    what = [
        ("run", f"{run.short_id}  {run.status}" + (f": {run.error}" if run.error else "")),
        ("experiment", f"{spec['experiment']}, protocol {spec['protocol']}, setting {spec['setting']}"),
        ("device", _device(device) if device else _without(spec["algorithm"])),
        ("data set", spec["task"].get("dataset", spec["task"]["kind"])),
        ("backend", spec["backend"] + ("" if run.repeatable else " (its pulses have no seed: not bit-repeatable)")),
        (
            "epochs",
            f"{run.epochs_done} of {run.epochs_planned}"
            + (f", those of {len(run.models)} models together" if len(run.models) > 1 else ""),
        ),
        (summary.measure, summary.text()),
        ("time", duration(run.seconds)),
    ]
    table(None, ["", ""], what)


def _device(device: dict[str, Any]) -> str:
    kind = device.get("law", device["kind"])
    shown = [f"{name} {device[name]:.4g}" for name in ("tau", "gamma_res", "dw_min") if name in device]
    return ", ".join([kind, *shown])


def _without(algorithm: dict[str, Any]) -> str:
    """Return what holds the weights of a run whose spec has no pulsed device."""
    if algorithm["kind"] != "double-device":
        return "none (floating point)"
    return f"two depression-only devices a weight, {algorithm['law']}, var {algorithm['var']:.4g}"


def _print_epochs(run: "RunRecord") -> None:
    from analogcli.cli.console import table

    for model in run.models:
        cells = [_epoch_cells(epoch) for epoch in model.epochs]
        # What no epoch has is no column, e.g. the accuracy where numbers are predicted.
        columns = [name for name in (cells[0] if cells else {}) if any(row[name] is not None for row in cells)]
        print()
        rows = [[row[name] for name in columns] for row in cells]
        table(f"model {model.index} (seed {model.seed})", columns, rows, right=range(len(columns)))


def _epoch_cells(epoch: "EpochRecord") -> dict[str, object]:
    from analogcli.cli.console import loss_text, percent

    accuracy = epoch.test_accuracy
    return {
        "epoch": epoch.epoch,
        "recorded (UTC)": epoch.recorded_at.strftime("%Y-%m-%d %H:%M:%S"),
        "train loss": None if epoch.train_loss is None else loss_text(epoch.train_loss),
        "test loss": None if epoch.test_loss is None else loss_text(epoch.test_loss),
        "test error [%]": None if accuracy is None else percent(1 - accuracy),
        "accuracy [%]": percent(accuracy),
        "mean |gradient|": None if epoch.mean_abs_gradient is None else f"{epoch.mean_abs_gradient:.3e}",
        "lr": None if epoch.lr is None else f"{epoch.lr:g}",
        "seconds": f"{epoch.seconds:.1f}",
    }


def _print_provenance(run: "RunRecord") -> None:
    from analogcli.cli.console import table

    for number, attempt in enumerate(run.attempts, start=1):
        rows = [(name.replace("_", " "), value) for name, value in attempt.items() if value is not None]
        print()
        table(f"made by (attempt {number} of {len(run.attempts)})", ["", ""], rows)
