"""The names that devices have besides presets: the kinds, and what installed packages offer as entry points."""

from importlib.metadata import entry_points

from analogcli.spec import Device
from analogcli.spec.unions import members

GROUP = "analogcli.devices"
"""Entry points of packages: name = "package.module:Class"."""

KINDS = members(Device)
"""Every kind with its class."""

SPELLED = {
    "softbounds": "soft-bounds",
    "cs": "constant-step",
    "ls": "linear-step",
    "exp": "exponential",
    "pow": "power",
}
"""Kinds as the papers' scripts spell them (their flag -RPU)."""


def installed_devices() -> dict[str, str]:
    """Return the devices of installed packages, name and package.module:Class."""
    return {entry.name: entry.value for entry in entry_points(group=GROUP)}
