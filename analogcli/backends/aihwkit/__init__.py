"""The reference engine: the same spec, trained on IBM's AIHWKit (https://github.com/IBM/aihwkit).

This package imports without AIHWKit; what needs it is imported when a model is built.
"""

from analogcli.backends.aihwkit.backend import AihwkitBackend
from analogcli.backends.aihwkit.pairs import WORKING_PAIRS, Pair
from analogcli.backends.aihwkit.probe import ProbeResult, probe

__all__ = ["WORKING_PAIRS", "AihwkitBackend", "Pair", "ProbeResult", "probe"]
