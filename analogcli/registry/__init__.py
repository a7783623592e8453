"""What can be run, drawn and compared: YAML entries and how names lead to them. No torch, no database."""

from analogcli.registry.entries import Experiment, Figure, Panel, Preset, Protocol, Setting
from analogcli.registry.files import load
from analogcli.registry.registry import FLAGS, MAY_DIFFER, Curve, Published, Registry, essence, flag, fold

__all__ = [
    "FLAGS",
    "MAY_DIFFER",
    "Curve",
    "Experiment",
    "Figure",
    "Panel",
    "Preset",
    "Protocol",
    "Published",
    "Registry",
    "Setting",
    "essence",
    "flag",
    "fold",
    "load",
]
