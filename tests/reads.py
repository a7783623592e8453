"""The three forms of one analog read behind one signature, for tests that ask the same of each.

Axes: R replica, B sample, O output, I input, N sample of a block.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from analogcli.crossbar import AnalogRead, Randomness, analog_matvec
from analogcli.crossbar.periphery import plain_matvec
from analogcli.spec import IO

Read = Callable[..., Tensor]
"""Takes w_ROI, x_RBI, an IO and a seed, returns y_RBO."""


def seeds(w_ROI: Tensor, seed: int) -> range:
    """One seed for each replica, none of which another ``seed`` has."""
    return range(100 * seed, 100 * seed + len(w_ROI))


def rows(w_ROI: Tensor, x_RBI: Tensor, io: IO, seed: int = 0) -> Tensor:
    """Samples behind one another in memory."""
    return analog_matvec(w_ROI, x_RBI, io, Randomness(seeds(w_ROI, seed)))


def lines(w_ROI: Tensor, x_RBI: Tensor, io: IO, seed: int = 0, block: int = 64) -> Tensor:
    """Samples side by side in memory, in blocks, as convolutions read them."""
    read, samples = AnalogRead(io), x_RBI.shape[1]
    y_RBO = x_RBI.new_empty(len(w_ROI), samples, w_ROI.shape[1])
    for r, key in enumerate(Randomness(seeds(w_ROI, seed)).keys(len(w_ROI))):
        for first in range(0, samples, block):
            own_IN = x_RBI[r, first : first + block].T
            x_IN = own_IN.clone(memory_format=torch.contiguous_format)
            again = lambda x_IN=x_IN, own_IN=own_IN: x_IN.copy_(own_IN)  # noqa: E731
            y_RBO[r, first : first + block] = read.lines(w_ROI[r], x_IN, key, first, samples, again).T
    return y_RBO


def plain(w_ROI: Tensor, x_RBI: Tensor, io: IO, seed: int = 0) -> Tensor:
    """Plain tensor operations, as on any other device than the CPU."""
    return plain_matvec(w_ROI, x_RBI, io, torch.Generator().manual_seed(seed))


FORMS: dict[str, Read] = {"rows": rows, "lines": lines, "plain": plain}
