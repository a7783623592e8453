"""From a figure or a grid to the list of runs; equal specs are planned once."""

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analogcli.errors import SpecError, UnknownName
from analogcli.registry import FLAGS, Registry, words
from analogcli.spec import parse_value
from analogcli.store import Wanted

NAMES = ("setting", "protocol")
"""Axes whose values are names of the registry, not values of the spec."""
WORDS = {"algorithm.warm_start"}
"""Axes whose values are words as they are typed: YAML reads off as false."""
AXES = {option.removeprefix("--"): path for path, option in FLAGS.items()} | {name: name for name in NAMES}
"""Short names of grid axes; any other axis is a dotted path into the spec."""


def name_of(what: str, plan: Sequence[Wanted]) -> str:
    """Return the name of a sweep in the queue: that of the figure or experiment, and a hash of what is planned."""
    hashes = "\n".join(sorted(planned.spec.hash for planned in plan))
    return f"{what}-{hashlib.sha256(hashes.encode()).hexdigest()[:6]}"


def plan_figure(registry: Registry, name: str, overrides: Mapping[str, Any]) -> list[Wanted]:
    """Return the runs that a figure needs."""
    curves = registry.curves(registry.figure(name), overrides)
    return _once(Wanted(curve.spec, curve.command) for curve in curves)


def plan_grid(
    registry: Registry,
    experiment: str,
    axes: Mapping[str, Sequence[Any]],
    *,
    protocol: str | None,
    setting: str | None,
    overrides: Mapping[str, Any],
) -> tuple[list[Wanted], list[str]]:
    """Return the runs of all combinations of ``axes``, and the axes that some floating-point setting does not have.

    Such a setting is planned once instead of once for every value.

    Raises:
        SpecError: no setting of the grid has an axis.
    """
    planned, dropped, settings = [], dict[str, None](), dict[str, None]()
    kept = set[str]()
    for values in itertools.product(*axes.values()):
        point = dict(zip(axes, values, strict=True))
        prot = registry.protocol(registry.experiment(experiment), point.pop("protocol", protocol))
        name = registry.setting(prot, point.pop("setting", setting) or registry.experiment(experiment).default_setting)
        own = dict(overrides) | point
        absent = [path for path in own if not registry.applies(prot.id, name, path)]
        dropped |= dict.fromkeys(absent)
        settings |= {name: None}
        kept |= own.keys() - set(absent)
        own = {path: value for path, value in own.items() if path not in absent}
        spec = registry.spec(experiment, protocol=prot.id, setting=name, overrides=own)
        planned.append(Wanted(spec, words(registry, experiment, prot.id, name, own)))
    for axis in axes:
        if axis in dropped and axis not in kept:
            raise SpecError(
                f"--grid {_typed(axis)} is of no setting here ({', '.join(settings)}); name one that has it, "
                f"e.g. --setting analog-sgd"
            )
    return _once(planned), list(map(_typed, dropped))


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """Read ``tau=0.5,0.6`` as a path and its values.

    Raises:
        SpecError: it is not of that form.
        UnknownName: no such axis.
    """
    name, equals, values = text.partition("=")
    parsed = _split(values)
    if not equals or not name.strip() or not parsed:
        raise SpecError(f"--grid {text!r:.80} is not of the form name=value,value, e.g. --grid tau=0.5,0.6,0.7")
    axis = name.strip().replace("_", "-")
    if axis in NAMES:
        return axis, list(parsed)
    if axis not in AXES and "." not in name:
        raise UnknownName("grid axis", name, AXES, "or a path like device.dw_min.")
    path = AXES.get(axis, name.strip())
    return path, [value if path in WORDS else parse_value(value) for value in parsed]


def _typed(axis: str) -> str:
    """Return an axis as people type it: its short name, where it has one."""
    return next((name for name, path in AXES.items() if path == axis), axis)


def _split(text: str) -> list[str]:
    """Split at commas, but not inside brackets: ``[64,32],[128]`` is two values."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "[{") - (char in "]}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


def _once(planned: Iterable[Wanted]) -> list[Wanted]:
    first: dict[str, Wanted] = {}
    for one in planned:
        first.setdefault(one.spec.hash, one)
    return list(first.values())
