"""How long a training step takes on this machine: plain PyTorch, the native engine and AIHWKit, in turn.

::

    cases     what is timed: a network, its data, and one contender for each engine, setting and number of replicas
    worker    one contender in a process of its own: builds, warms up, does n steps when told to
    measure   lets the contenders take turns, so that a busy machine slows all of them alike
    report    medians, ratios and the table's rows

Nothing here imports torch before a worker has started: its thread pools are set up there.
"""

from analogcli.bench.cases import ENGINES, NETWORKS, Contender, LeftOut, contenders
from analogcli.bench.machine import Machine, this_machine
from analogcli.bench.measure import Timing, measure
from analogcli.bench.report import as_records

__all__ = [
    "ENGINES",
    "NETWORKS",
    "Contender",
    "LeftOut",
    "Machine",
    "Timing",
    "as_records",
    "contenders",
    "measure",
    "this_machine",
]
