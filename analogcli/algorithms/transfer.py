"""When columns are transferred between arrays, and how one column is read and written.

::

    clock     counts vectors; a transfer is due after every vector at which the count is a multiple of its period,
              ⌈transfer_every·B⌉ with B vectors in a mini-batch (image patches count), or round(transfer_every)
    cursor    the columns are taken in turn, n_reads_per_transfer at a time
    read      y = A e_j through the converters of the transfer, without noise and bound management
    write     C ← C + lr y e_jᵀ by pulses, one sample a column

AIHWKit counterpart: ``TransferCompound`` with ``transfer_columns``. Like there, the mini-batch is cut where a transfer
falls into it; all samples up to the cut are pulsed together.

Axes: R replica, B sample (or image patch), J column of this transfer, O out, I in.
"""

import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.crossbar.periphery import AnalogRead
from analogcli.spec import Pulses, Update


def period(transfer_every: float, units_in_mbatch: bool, batch: int) -> int:
    """Return the period in vectors; 0: never."""
    return math.ceil(transfer_every * batch) if units_in_mbatch else int(transfer_every + 0.5)


def segments(counted: int, batch: int, periods: Sequence[int]) -> list[tuple[slice, list[int]]]:
    """Cut a mini-batch where transfers are due: samples, and the numbers of the periods that end behind them.

    ``counted`` vectors came before. Numbers ascend; the last segment may end without a transfer.
    """
    due: dict[int, list[int]] = {}
    for number, every in enumerate(periods):
        if every:
            for end in range(every - counted % every, batch + 1, every):
                due.setdefault(end, []).append(number)
    due.setdefault(batch, [])
    ends = sorted(due)
    return [(slice(start, end), due[end]) for start, end in zip([0, *ends], ends, strict=False)]


def columns_from(cursor: int, reads: int, width: int) -> list[slice]:
    """Return the next ``reads`` columns of ``width`` from ``cursor`` on, cyclically, at most each of them once."""
    end = cursor + min(reads, width)
    return [slice(cursor, end)] if end <= width else [slice(cursor, width), slice(0, end - width)]


def read_columns(array: CrossbarArray, columns: slice, read: AnalogRead, randomness: Randomness) -> Tensor:
    """Read ``columns`` one after the other; returns [R, J, O]."""
    r, _, width = array.shape
    n = columns.stop - columns.start
    if read.io.inp_noise:
        # Noise on the inputs that should be 0 reaches all other columns.
        x_JI = torch.eye(width, device=array.seen_ROI.device)[columns]
        return read(array.seen_ROI, x_JI.expand(r, n, width), randomness)
    return read(array.seen_ROI[..., columns], _one_hot(n, array), randomness)


def write_columns(
    array: CrossbarArray, columns: slice, change_RJO: Tensor, lr: float, pulses: Pulses, randomness: Randomness
) -> None:
    """Ask ``columns`` to move by +``lr`` times ``change_RJO``."""
    n = columns.stop - columns.start
    array.pulse(_one_hot(n, array), change_RJO, -lr, pulses, randomness, columns=columns)


def skip_write(array: CrossbarArray, lr: float, pulses: Pulses, randomness: Randomness) -> None:
    """Take the keys of a write that no model needs: each draws the same numbers whether or not its neighbours write."""
    drawn = pulses.drawn and pulses.pulse_type == "stochastic-compressed"
    if lr and not array.law.ideal and (drawn or array.law.write_noise):
        randomness.keys(array.shape[0])


def transfer_pulses(asked: Pulses, update: Update) -> Pulses:
    """Return the pulses of a write as ``asked`` for: in the mean if the gradient is, else those of one sample."""
    fidelity = "sequential" if update.drawn else update.fidelity
    return Pulses.model_validate(asked.model_dump(include=set(Pulses.model_fields)) | {"fidelity": fidelity})


def _one_hot(n: int, array: CrossbarArray) -> Tensor:
    return _identity(n, array.seen_ROI.device).expand(array.shape[0], n, n)


@cache
def _identity(n: int, device: torch.device) -> Tensor:
    return torch.eye(n, device=device)
