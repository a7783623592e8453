"""What the registry knows of one name: an experiment, figure, protocol, setting or device, with what papers and scripts
disagree on."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from analogcli.errors import UnknownName
from analogcli.registry.devices import KINDS, SPELLED, installed_devices
from analogcli.registry.entries import Experiment, Figure, Preset, Protocol
from analogcli.registry.fields import fields_of, first_paragraph, leaves
from analogcli.registry.registry import Registry, fold
from analogcli.spec import Algorithm, Mapping, Periphery, Update
from analogcli.spec.unions import members

ALGORITHMS = members(Algorithm)
PARTS: dict[str, type[BaseModel]] = {"periphery": Periphery, "update": Update, "mapping": Mapping}
"""Parts of a run that are of one kind only."""


@dataclass(frozen=True)
class Listing:
    """A small table: one aspect of an entry."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class About:
    """What is known of one name."""

    kind: str
    """What it is: experiment, figure, protocol, setting, device, preset or part of a run."""
    name: str
    title: str
    source: str | None = None
    """Paper and place, where the entry is of one."""
    also: tuple[str, ...] = ()
    """Further names that are understood."""
    notes: tuple[str, ...] = ()
    """Where papers, scripts and this disagree, and what is the default."""
    listings: tuple[Listing, ...] = ()
    commands: tuple[str, ...] = ()
    """What to type next."""


def about(registry: Registry, name: str) -> About:
    """Return what is known of a name.

    Raises:
        UnknownName: nothing is called so.
    """
    if registry.is_experiment(name):
        return _experiment(registry, registry.experiment(name))
    if registry.is_figure(name):
        return _figure(registry, registry.figure(name))
    known = [*registry.experiments, *(n for f in registry.figures.values() for n in (f.id, *f.aliases))]
    others = [
        *(_part(part, cls) for part, cls in PARTS.items()),
        *(_protocol(registry, protocol) for protocol in registry.protocols.values()),
        *(_device(kind, cls) for kind, cls in KINDS.items()),
        *(_preset(preset) for preset in registry.presets.values()),
        *(About("device", name, f"installed: {law}") for name, law in installed_devices().items()),
        *(_setting(registry, s) for s in dict.fromkeys(s for p in registry.protocols.values() for s in p.settings)),
    ]
    # A name of its own comes before a spelling of another entry.
    by_name = {fold(n): entry for entry in others for n in entry.also} | {fold(entry.name): entry for entry in others}
    if fold(name) not in by_name:
        raise UnknownName("entry of the registry", name, [*known, *by_name], "`analog list` has them all.")
    return by_name[fold(name)]


def _experiment(registry: Registry, entry: Experiment) -> About:
    protocols = [registry.protocols[name] for name in entry.protocols]
    settings = {name: s.title for p in protocols for name, s in p.settings.items()}
    published = [
        Listing(
            f"published: {table.source.text}: {table.source.rule}\n{_at({'protocol': table.protocol} | table.where)}",
            ("setting", "at", "value"),
            tuple((v.setting, _at(v.where), _number(v.value, v.std)) for v in table.values),
        )
        for table in entry.published
    ]
    listings = [
        Listing(
            "settings",
            ("setting", "what", "protocols"),
            tuple((n, what, ", ".join(p.id for p in protocols if n in p.settings)) for n, what in settings.items()),
        ),
        *published,
        Listing(
            "figures",
            ("figure", "what"),
            tuple(
                (f.id, f.title) for f in registry.figures.values() if any(p.experiment == entry.id for p in f.panels)
            ),
        ),
    ]
    other = [f"analog run {entry.id} --protocol {p.id}" for p in protocols if p.id != entry.default_protocol]
    return About(
        "experiment",
        entry.id,
        entry.title,
        also=entry.aliases,
        notes=(*entry.notes, *_notes_of(protocols)),
        listings=_filled(listings),
        commands=(f"analog run {entry.id} --setting {entry.default_setting}", *other),
    )


def _figure(registry: Registry, figure: Figure) -> About:
    experiments = [registry.experiments[n] for n in dict.fromkeys(p.experiment for p in figure.panels if p.experiment)]
    protocols = [registry.protocols[figure.protocol]] if figure.protocol else []
    runs = len(registry.curves(figure))
    panels = Listing(
        "panels",
        ("panel", "experiment", "settings", "tau"),
        tuple(
            (p.title, p.experiment or None, ", ".join(p.settings) or None, ", ".join(f"{t:g}" for t in p.tau) or None)
            for p in figure.panels
        ),
    )
    sweep = (f"analog sweep {figure.id} --dry-run", f"analog sweep {figure.id}") if runs else ()
    compare = (f"analog compare {figure.id} --published",) if runs else ()
    return About(
        "figure",
        figure.id,
        f"{figure.title} ({runs} runs)" if runs else figure.title,
        figure.source,
        also=figure.aliases,
        notes=(*figure.notes, *(note for e in experiments for note in e.notes), *_notes_of(protocols)),
        listings=_filled([panels]),
        commands=(*sweep, f"analog plot {figure.id}", *compare),
    )


def _protocol(registry: Registry, protocol: Protocol) -> About:
    rows = tuple((e.id, e.title) for e in registry.experiments.values() if protocol.id in e.protocols)
    settings = tuple((name, s.title, ", ".join(s.spelled)) for name, s in protocol.settings.items())
    listings = [
        Listing("experiments", ("experiment", "what"), rows),
        Listing("settings", ("setting", "what", "also spelled"), settings),
    ]
    commands = (f"analog run {rows[0][0]} --protocol {protocol.id} --dry-run",)
    return About(
        "protocol",
        protocol.id,
        protocol.title,
        protocol.source,
        also=protocol.aliases,
        notes=protocol.notes,
        listings=_filled(listings),
        commands=commands,
    )


def _setting(registry: Registry, name: str) -> About:
    entries = {p.id: p.settings[name] for p in registry.protocols.values() if name in p.settings}
    kinds = dict.fromkeys(e.spec["algorithm"]["kind"] for e in entries.values() if "algorithm" in e.spec)
    runs_in = {p: [e.id for e in registry.experiments.values() if p in e.protocols] for p in entries}
    rows = tuple(
        (p, ", ".join(runs_in[p]), _at(dict(leaves(entry.spec.get("algorithm", {}), skip="kind"))))
        for p, entry in entries.items()
    )
    listings = [
        Listing("runs in", ("protocol", "experiments", "algorithm"), rows),
        *(
            Listing(f"--set algorithm.…  ({k})", ("field", "default", "meaning"), fields_of(ALGORITHMS[k]))
            for k in kinds
        ),
    ]
    protocol = next(iter(entries))
    title, law = entries[protocol].title, first_paragraph(ALGORITHMS[next(iter(kinds))])
    return About(
        "setting",
        name,
        law if law.startswith(title) else f"{title}: {law}",
        also=tuple(dict.fromkeys(s for entry in entries.values() for s in entry.spelled)),
        listings=_filled(listings),
        commands=(f"analog run {runs_in[protocol][0]} --protocol {protocol} --setting {name}",),
    )


def _device(kind: str, cls: type[BaseModel]) -> About:
    fields = Listing("--set device.…", ("field", "default", "meaning"), fields_of(cls))
    also = tuple(spelled for spelled, known in SPELLED.items() if known == kind)
    typed = "my_device.py:MyDevice" if kind == "custom" else kind
    return About(
        "device",
        kind,
        first_paragraph(cls),
        also=also,
        listings=(fields,),
        commands=(f"analog run mnist-fcn --setting analog-sgd --device {typed}",),
    )


def _part(name: str, cls: type[BaseModel]) -> About:
    fields = Listing(f"--set {name}.…", ("field", "default", "meaning"), fields_of(cls))
    return About("part of a run", name, first_paragraph(cls), listings=(fields,))


def _preset(preset: Preset) -> About:
    rows = tuple(
        (f"{part}.{path}", value)
        for part in ("device", "periphery", "update")
        for path, value in leaves(getattr(preset, part))
    )
    return About(
        "preset",
        preset.id,
        preset.title,
        preset.source,
        also=preset.aliases,
        listings=(Listing("fields", ("field", "value"), rows),),
        commands=(f"analog run mnist-fcn --setting analog-sgd --device {preset.id}",),
    )


def _notes_of(protocols: list[Protocol]) -> list[str]:
    return [f"protocol {p.id}: {note}" for p in protocols for note in p.notes]


def _at(values: dict[str, Any]) -> str:
    return ", ".join(f"{path.removeprefix('task.').removeprefix('device.')} {value}" for path, value in values.items())


def _number(value: float, std: float | None) -> str:
    return f"{value:g}" if std is None else f"{value:g} ± {std:g}"


def _filled(listings: list[Listing]) -> tuple[Listing, ...]:
    return tuple(listing for listing in listings if listing.rows)
