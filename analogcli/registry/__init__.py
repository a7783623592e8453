"""What can be run, drawn and compared: YAML entries and how names lead to them. No torch, no database."""

from analogcli.registry.entries import Experiment, Figure, Panel, Protocol, Setting
from analogcli.registry.files import load
from analogcli.registry.registry import FLAGS, Curve, Published, Registry, flag, fold

__all__ = [
    "FLAGS",
    "Curve",
    "Experiment",
    "Figure",
    "Panel",
    "Protocol",
    "Published",
    "Registry",
    "Setting",
    "flag",
    "fold",
    "load",
]
