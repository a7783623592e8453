"""From a figure to its lines: what the figure says of a line makes its run and its command alike."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analogcli.errors import SpecError
from analogcli.registry.commands import words
from analogcli.registry.entries import Data, Figure, Panel
from analogcli.spec import RunSpec

if TYPE_CHECKING:
    from analogcli.registry.registry import Registry


@dataclass(frozen=True)
class Curve:
    """One line of a figure: the run it shows and the command that makes that run."""

    panel: int
    setting: str
    tau: float | None
    spec: RunSpec
    command: str
    point: Data = field(default_factory=dict)
    """Where it lies on the grid of its panel."""
    group: int | None = None
    """Number of the panel's group, in panels that have any."""


def curves_of(registry: "Registry", figure: Figure, overrides: Mapping[str, Any]) -> list[Curve]:
    """Return the lines of a figure in drawing order; ``overrides`` apply to every run that has the field.

    Raises:
        SpecError: an override names no field or no τ of the figure, or a value is not allowed.
    """
    out = [curve for index in range(len(figure.panels)) for curve in _lines(registry, figure, index, overrides)]
    tau = overrides.get("device.tau")
    if tau is not None and all(curve.tau is None for curve in out):
        if not any(panel.tau for panel in figure.panels):
            raise SpecError(f"device.tau = {tau!r} is not in {figure.id}, whose devices keep their tau")
        drawn = ", ".join(f"{t:g}" for t in sorted({t for panel in figure.panels for t in panel.tau}))
        raise SpecError(f"device.tau = {tau!r} is not in {figure.id}, which shows {drawn}")
    return out


def _lines(registry: "Registry", figure: Figure, index: int, overrides: Mapping[str, Any]) -> list[Curve]:
    """Return the lines of a panel; a setting that has nothing of what its groups differ in has one for all of them."""
    panel, out = figure.panels[index], []
    for group, setting in itertools.product(range(len(panel.groups)) or (None,), panel.settings):
        asked = _applying(registry, figure, setting, overrides)
        own = _applying(registry, figure, setting, _dotted(panel.spec)) | panel.of_setting.get(setting, {})
        own |= _applying(registry, figure, setting, {} if group is None else panel.groups[group].set)
        taus = (None,) if registry.is_digital(figure.protocol, setting) else panel.tau or (None,)
        for tau, point in itertools.product(taus, _points(registry, figure, panel, setting, asked)):
            if asked.get("device.tau") not in (None, tau):
                continue
            over = own | point | ({} if tau is None else {"device.tau": tau}) | asked
            given = _below(registry, figure, setting, over) | over
            spec = registry.spec(panel.experiment, protocol=figure.protocol, setting=setting, overrides=given)
            command = words(registry, panel.experiment, figure.protocol, setting, given)
            out.append(Curve(index, setting, tau, spec, command, point, group))
    if not panel.groups:
        return out
    first = dict[str, Curve]()
    for curve in out:
        first.setdefault(curve.spec.hash, curve)
    return list(first.values())


def _below(registry: "Registry", figure: Figure, setting: str, over: Data) -> Data:
    """Return what a figure says of all its runs, without what ``over`` leaves no room for, as another device does."""
    left = _dotted(registry.overlay(figure.spec, over)).items()
    said = _applying(registry, figure, setting, _dotted(figure.spec))
    return {path: value for path, value in said.items() if path in over or (path, value) in left}


def _points(registry: "Registry", figure: Figure, panel: Panel, setting: str, asked: Data) -> list[Data]:
    """Return the points of a panel's grid for a setting; where a value is asked for, those that have it.

    Raises:
        SpecError: no point has it.
    """
    axes = _applying(registry, figure, setting, panel.grid)
    for path, values in axes.items():
        if path in asked and asked[path] not in values:
            shown = ", ".join(map(str, values))
            raise SpecError(f"{path} = {asked[path]!r} is not in {panel.title}, which shows {shown}")
    chosen = {path: (asked[path],) if path in asked else values for path, values in axes.items()}
    return [dict(zip(chosen, values, strict=True)) for values in itertools.product(*chosen.values())]


def _applying(registry: "Registry", figure: Figure, setting: str, fields: Mapping[str, Any]) -> Data:
    return {path: value for path, value in fields.items() if registry.applies(figure.protocol, setting, path)}


def _dotted(value: Mapping[str, Any], prefix: str = "") -> Data:
    out: Data = {}
    for key, item in value.items():
        out |= _dotted(item, f"{prefix}{key}.") if isinstance(item, Mapping) else {f"{prefix}{key}": item}
    return out
