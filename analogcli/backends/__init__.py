"""Engines behind one protocol; each is imported only when it is used."""

import importlib
from typing import cast

from analogcli.backends.base import Backend, Fuses, Programmable, ReadsExactly, Relaxes, Saturates, Trainable
from analogcli.spec import BackendName

_CLASSES: dict[BackendName, tuple[str, str]] = {
    "digital": ("analogcli.backends.digital", "DigitalBackend"),
    "native": ("analogcli.backends.native", "NativeBackend"),
    "aihwkit": ("analogcli.backends.aihwkit", "AihwkitBackend"),
    "magnetoionic": ("analogcli.backends.magnetoionic", "MagnetoionicBackend"),
}


def get(name: BackendName) -> Backend:
    """Return the engine called ``name``."""
    module, cls = _CLASSES[name]
    return cast(Backend, getattr(importlib.import_module(module), cls)())


__all__ = ["Backend", "Fuses", "Programmable", "ReadsExactly", "Relaxes", "Saturates", "Trainable", "get"]
