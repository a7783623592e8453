"""Train neural networks on analog in-memory hardware.

The house, from the ground up (imports point downwards only)::

    cli → sweep → figures, export → training → backends → algorithms, nn → crossbar → spec → errors
                                    store, data ─────────────────────────────────────→ spec
"""

__version__ = "0.1.0"
