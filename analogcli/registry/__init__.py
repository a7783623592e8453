"""What can be run, drawn and compared: YAML entries and how names lead to them. No torch, no database."""

from analogcli.registry.commands import FLAGS, flag, words
from analogcli.registry.curves import Curve
from analogcli.registry.entries import Experiment, Figure, Panel, Preset, Protocol, Setting
from analogcli.registry.files import load
from analogcli.registry.published import MAY_DIFFER, Published, essence
from analogcli.registry.registry import Registry, fold

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
    "words",
]
