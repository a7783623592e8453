"""``analog infer``: accuracy against the time since the trained weights were written onto phase-change memory."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from analogcli.figures.drift import DriftPoint
    from analogcli.spec import PcmInference
    from analogcli.store import InferenceRecord, RunRecord


class Compensation(StrEnum):
    """What is done about drift."""

    NONE = "none"
    GLOBAL = "global"


def infer(
    run: Annotated[str, typer.Argument(help="Id of the run (its first characters are enough), or `last`.")],
    times: Annotated[
        str, typer.Option("--times", metavar="LIST", help="Times since programming, in seconds.")
    ] = "0,1,20,1000,1e5",
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, help="How often every model is programmed, each time onto new devices.")
    ] = 10,
    drift_compensation: Annotated[
        Compensation | None,
        typer.Option(
            "--drift-compensation", help="global: a factor for each tile (default: what the run was trained for)."
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Compute even what is stored already.")] = False,
    cuda: o.CudaOption = None,
    threads: o.ThreadsOption = None,
    fuse: o.FuseOption = None,
    data_dir: o.DataDirOption = None,
    store: o.StoreOption = None,
    quiet: o.QuietOption = False,
    json: o.JsonOption = False,
) -> None:
    """Write trained weights onto phase-change memory, let them drift, and store the accuracy at every time.

    Any finished run will do, also a floating-point one: its weights are then read through the default periphery. Mean
    and std are over repeats and models. What is stored already is shown, not computed again.

    \b
    analog infer last
    analog infer 1f0c2a77 --times 0,1,20,1000,1e5 --repeats 10 --drift-compensation none
    analog plot drift
    """
    from analogcli.cli.run import execution_options
    from analogcli.figures.drift import by_time
    from analogcli.store import Store

    seconds = _seconds(times)
    opened = Store.open(store, create=False)
    record = opened.run(run)
    execution = execution_options(cuda, threads, fuse, data_dir)
    from analogcli.training.infer import default_settings
    from analogcli.training.infer import infer as infer_run

    settings = default_settings(record)
    if drift_compensation is not None:
        settings = settings.model_copy(update={"drift_compensation": drift_compensation.value})
    with _View(quiet=quiet) as view:
        records = infer_run(opened, record, settings, seconds, repeats, execution, view, again=again)
    if json:
        _print_json(record, settings, records)
    else:
        _print_table(record, settings, by_time(records), repeats)


def _seconds(text: str) -> list[float]:
    from math import isfinite

    from analogcli.errors import UsageError

    found = set()
    for part in text.split(","):
        try:
            seconds = float(part)
        except ValueError:
            raise UsageError(f"--times {part.strip()!r} is not a number; give seconds, e.g. 0,1,20,1000,1e5") from None
        if not isfinite(seconds) or seconds < 0:
            raise UsageError(f"--times {part.strip()} is not allowed; a time since programming is 0 s or later")
        found.add(seconds + 0.0)
    return sorted(found)


class _View:
    """A bar on stderr while a terminal watches; notes in any case."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.progress import Progress

        from analogcli.cli.console import err

        console = err()
        self._progress = Progress(console=console, transient=True, disable=quiet or not console.is_terminal)
        self._task: Any = None

    def __enter__(self) -> "_View":
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def on_note(self, note: str) -> None:
        self._progress.console.print(f"note: {note}", markup=False, soft_wrap=True)

    def on_point(self, done: int, total: int) -> None:
        if self._task is None:
            self._task = self._progress.add_task("programmed and read", total=total)
        self._progress.update(self._task, completed=done)


def _print_table(run: "RunRecord", settings: "PcmInference", points: "list[DriftPoint]", repeats: int) -> None:
    from analogcli.cli.console import percent, table
    from analogcli.store import BEFORE

    spec, models = run.spec_data, len(run.models)
    of_models = f" of {models} models" if models > 1 else ""
    print(
        f"{run.short_id} {spec['experiment']} {spec['setting']} on phase-change memory, g_max {settings.g_max:g} µS, "
        f"drift compensation {settings.drift_compensation}, {repeats} repeats{of_models}"
    )
    # A title within the table would be broken to the width of its columns.
    accuracies = any(point.accuracy is not None for point in points)
    rows = []
    for point in points:
        several = point.n > 1
        when = "before programming" if point.seconds == BEFORE else f"{point.seconds:g}"
        spread = percent(point.accuracy_std) if several else None
        shown = [percent(point.accuracy), spread] if accuracies else []
        numbers = [" ".join(f"{value:.3f}" for value in point.predictions)] if point.predictions else []
        rows.append([when, *shown, f"{point.loss:.4f}", f"{point.loss_std:.4f}" if several else None, *numbers])
    columns = ["time [s]", *(["accuracy [%]", "± std"] if accuracies else []), "loss", "± std"]
    columns += ["mean prediction"] if any(point.predictions for point in points) else []
    table(None, columns, rows, right=range(len(columns)))


def _print_json(run: "RunRecord", settings: "PcmInference", records: "list[InferenceRecord]") -> None:
    from dataclasses import asdict

    from analogcli.cli.console import print_json
    from analogcli.figures.drift import by_time
    from analogcli.store import BEFORE

    def told(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"seconds": None if data["seconds"] == BEFORE else data["seconds"]}

    index = {model.id: model.index for model in run.models}
    print_json(
        {
            "run": run.id,
            "settings": settings.model_dump(mode="json"),
            "times": [told(asdict(point)) for point in by_time(records)],
            "results": [
                {"model": index[r.model_id], **told({k: v for k, v in asdict(r).items() if k != "model_id"})}
                for r in records
            ],
        }
    )
