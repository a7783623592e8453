"""``analog list``: what can be run, drawn and built in, and what was run."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from analogcli.registry import Registry

Rows = list[dict[str, Any]]


class Kind(StrEnum):
    """What can be listed."""

    EXPERIMENTS = "experiments"
    SETTINGS = "settings"
    FIGURES = "figures"
    DEVICES = "devices"
    RUNS = "runs"


def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help=f"What to list: {', '.join(Kind)}; everything if left out.",
            autocompletion=lambda: list(Kind),
        ),
    ] = None,
    store: o.StoreOption = None,
    registry: o.RegistryOption = None,
    json: o.JsonOption = False,
    newest: o.NewestOption = None,
) -> None:
    """List experiments, settings, figures, devices and stored runs; `analog about NAME` explains one.

    \b
    analog list
    analog list runs --json
    """
    from analogcli.cli.console import print_json
    from analogcli.registry import load

    entries = load(registry)
    wanted = None if kind is None else _kind(kind, entries)
    makers: dict[Kind, Callable[[], Rows]] = {
        Kind.EXPERIMENTS: lambda: _experiments(entries),
        Kind.SETTINGS: lambda: _settings(entries),
        Kind.FIGURES: lambda: _figures(entries),
        Kind.DEVICES: lambda: _devices(entries),
        Kind.RUNS: lambda: _runs(store, (0 if json else o.NEWEST) if newest is None else newest),
    }
    listed = {k: make() for k, make in makers.items() if wanted in (None, k)}
    if json:
        print_json(listed[wanted] if wanted else {k.value: rows for k, rows in listed.items()})
        return
    for number, (name, rows) in enumerate(listed.items()):
        if number:
            print()
        _print(name, rows)


def _kind(name: str, registry: "Registry") -> Kind:
    """Return what is to be listed.

    Raises:
        UnknownName: there is no such list; of what is in one it says what explains it.
    """
    import shlex

    from analogcli.errors import UnknownName
    from analogcli.registry.about import about

    kinds = {kind.value: kind for kind in Kind}
    if name in kinds:
        return kinds[name]
    try:
        about(registry, name)
    except UnknownName:
        hint = ""
    else:
        hint = f"`analog about {shlex.quote(name)}` explains that one."
    raise UnknownName("list", name, kinds, hint)


def _experiments(registry: "Registry") -> Rows:
    return [
        {"experiment": e.id, "what": e.title, "protocols": _default_first(list(e.protocols), e.default_protocol)}
        for e in registry.experiments.values()
    ]


def _settings(registry: "Registry") -> Rows:
    rows: dict[str, dict[str, Any]] = {}
    for protocol in registry.protocols.values():
        for name, setting in protocol.settings.items():
            row = rows.setdefault(name, {"setting": name, "what": setting.title, "also spelled": [], "protocols": []})
            row["also spelled"] = list(dict.fromkeys([*row["also spelled"], *setting.spelled]))
            row["protocols"].append(protocol.id)
    return list(rows.values())


def _figures(registry: "Registry") -> Rows:
    return [
        {"figure": f.id, "aliases": list(f.aliases), "what": f.title, "runs": len(registry.curves(f))}
        for f in registry.figures.values()
    ]


def _devices(registry: "Registry") -> Rows:
    from analogcli.registry.devices import KINDS, installed_devices
    from analogcli.spec.support import DEVICES

    def row(name: str, kind: str, what: str) -> dict[str, Any]:
        backends = [backend for backend, kinds in DEVICES.items() if kind in kinds]
        return {"device": name, "what": what, "backends": backends}

    kinds = [row(kind, kind, (cls.__doc__ or "").strip().splitlines()[0]) for kind, cls in KINDS.items()]
    presets = [row(p.id, p.device["kind"], f"preset: {p.title}") for p in registry.presets.values()]
    installed = [row(name, "custom", f"installed: {law}") for name, law in installed_devices().items()]
    return [*kinds, *presets, *installed]


def _runs(store: str | None, newest: int) -> Rows:
    from analogcli.cli.console import note_of_older
    from analogcli.figures.summary import summarise
    from analogcli.store import Store, locate

    file = locate(store).file
    if file is not None and not file.is_file():
        return []
    opened = Store.open(store)
    shown = opened.runs(newest=newest or None)
    note_of_older(opened, shown)
    rows = []
    for run in shown:
        spec, summary = run.spec_data, summarise(run)
        device = spec.get("device") or {}
        rows.append(
            {
                "run": run.short_id,
                "status": run.status,
                "experiment": spec["experiment"],
                "setting": spec["setting"],
                "device": device.get("law", device.get("kind")),
                "tau": device.get("tau"),
                "data set": spec["task"].get("dataset", spec["task"]["kind"]),
                "backend": spec["backend"],
                "epochs": f"{run.epochs_done}/{run.epochs_planned}",
                "accuracy [%]": None if summary.accuracy is None else round(100 * summary.accuracy, 2),
                "loss": None if summary.loss is None else float(f"{summary.loss:.4g}"),
                "created": run.created_at.strftime("%Y-%m-%d %H:%M"),
            }
        )
    return rows


def _print(kind: Kind, rows: Rows) -> None:
    from analogcli.cli.console import table

    if not rows:
        print(f"{kind.value}: none yet")
        return
    # Losses are listed only where there is a run that has nothing else.
    columns = [name for name in rows[0] if name != "loss" or any(row["loss"] is not None for row in rows)]
    cells = [[", ".join(map(str, row[c])) if isinstance(row[c], list) else row[c] for c in columns] for row in rows]
    numbers = [i for i, name in enumerate(columns) if name in ("tau", "accuracy [%]", "loss", "runs", "epochs")]
    table(kind.value, columns, cells, right=numbers)


def _default_first(names: list[str], default: str) -> list[str]:
    return [f"{default} (default)", *(n for n in names if n != default)]
