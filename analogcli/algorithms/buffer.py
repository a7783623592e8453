"""The digital buffer between a fast and a slow array: it collects what is read and lets go of whole pulses.

::

    n = clip(trunc(H/threshold), ±most)
    H ← momentum H                              where n ≠ 0 and the buffer forgets
    H ← H − (1 − momentum) n threshold          where n ≠ 0 and it does not

AIHWKit counterpart: the buffers of ``BufferedTransferCompound`` and ``ChoppedTransferCompound``.

Axes: R replica, J column, O out, I in. Buffers are kept as H_RIO: a column is one piece of memory.
"""

import torch
from torch import Tensor


def fire(h_RJO: Tensor, threshold: float, most: int, momentum: float, forget: bool) -> Tensor:
    """Return the pulses n [R, J, O] that a buffer lets go of; ``h_RJO`` is changed in place."""
    n_RJO = torch.div(h_RJO, threshold, rounding_mode="trunc").clamp_(-most, most)
    if not forget:
        h_RJO.sub_(n_RJO, alpha=(1 - momentum) * threshold)
    elif momentum:
        h_RJO.mul_(torch.where(n_RJO == 0, 1.0, momentum))
    else:
        h_RJO.mul_(n_RJO == 0)
    return n_RJO


def threshold(granularity: float, buffer_granularity: float, auto_granularity: float, sweep: float) -> float:
    """Return the sum of reads that asks for one pulse [weight units of the fast array].

    ``sweep`` is how long all columns take once, columns·transfer_every, whatever the unit of transfer_every is.
    """
    base = granularity * buffer_granularity
    return base * auto_granularity / sweep if auto_granularity else base
