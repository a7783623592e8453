"""Train neural networks on analog in-memory hardware.

The house, from the ground up (imports point downwards only)::

    cli → sweep, bench → figures, export → training → backends → algorithms, nn, magnetoionic → crossbar → spec → errors
                                           store, data ───────────────────────────────────────────────────→ spec
    registry stands on spec and is seen from figures, sweep, bench and cli;
    generators and processors stand on nothing, seen by all
"""

__version__ = "0.1.0"
