"""The chunked update on the CPU where the samples of a line lie side by side in memory, as a convolution's patches do.

The law and the loops over rows are those of :mod:`.kernels.coincidence`; only the trains are drawn along the lines.
Large arrays are shared between threads: groups of samples while trains are drawn, rows while devices are pulsed.

Axes: A array (replica and group), O out, I in, N sample (image patch).
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from analogcli.crossbar.kernels.coincidence import pack, pulse_rows
from analogcli.crossbar.kernels.hashing import LINE
from analogcli.crossbar.kernels.threads import share
from analogcli.crossbar.kernels.train_lines import draw_lines, first_words, largest, most_squares, plan_lines
from analogcli.crossbar.pulses import managed
from analogcli.crossbar.randomness import Randomness
from analogcli.spec import Pulses

if TYPE_CHECKING:
    from analogcli.crossbar.array import CrossbarArray

PULSES = 0x5851F42D4C957F2D
"""Tells the keys of pulses from those of trains."""

Floats = NDArray[np.float32]
Words = NDArray[np.uint32]


def lie_in_lines(x_ANI: Tensor) -> bool:
    """Return whether the samples of each line lie side by side in memory, line after line, whatever A is."""
    return x_ANI.stride(1) == 1 and x_ANI.stride(2) == x_ANI.shape[1] > 1


def update_lines(
    array: "CrossbarArray",
    x_ANI: Tensor,
    d_ANO: Tensor,
    lr: float,
    pulses: Pulses,
    max_pulses: float,
    randomness: Randomness,
) -> None:
    """Apply all samples in chunks of at most ``max_pulses`` expected pulses on any device."""
    table = array.law.table
    w, devices = array.w_ROI.numpy(), table.devices_ROIP
    seen = None if array.seen_ROI is array.w_ROI else array.seen_ROI.numpy()
    x, d = x_ANI.mT.numpy(), d_ANO.mT.contiguous().numpy()
    rows = pulse_rows(table.formula)
    for a, key in enumerate(randomness.keys(len(w))):
        of_array = (w[a], w[a, :0] if seen is None else seen[a], devices[a], table.constants, table.nodes, table.noise)
        for c, (of_x, of_d) in enumerate(_chunks(x[a], d[a], lr / array.granularity, pulses, max_pulses, int(key))):
            active, *packed = pack(*of_x)
            # Not one of the keys of the trains, which are multiples of the same odd number away from ``key``.
            pulse_key = np.uint64((int(key) + c * int(LINE)) % 2**64 ^ PULSES)
            trains = (active, *packed, *of_d, pulse_key, 0, 0)
            share(rows, len(w[a]), w[a].size * len(packed[0]), *of_array, *trains)


def _chunks(
    x_IN: Floats, d_ON: Floats, asked: float, pulses: Pulses, max_pulses: float, key: int
) -> Iterator[tuple[tuple[Words, Words], tuple[Words, Words]]]:
    """Yield words and signs of x and of d for every chunk."""
    n, shorten = pulses.desired_bl, pulses.update_bl_management
    length, gain_x, gain_d = plan_lines(largest(x_IN), largest(d_ON), asked, n, shorten, managed(pulses))
    load = asked * math.sqrt(most_squares(x_IN) * most_squares(d_ON))
    samples = x_IN.shape[1]
    n_chunks = min(max(math.ceil(load / max_pulses), 1), samples)
    for c in range(n_chunks):
        first, last = samples * c // n_chunks, samples * (c + 1) // n_chunks
        starts = first_words(length, first, last)
        if starts[-1]:
            of_chunk = (length, first, last, starts)
            chunk_key = (key + c * int(LINE)) % 2**64
            yield _draw(x_IN, gain_x, of_chunk, chunk_key), _draw(d_ON, gain_d, of_chunk, ~chunk_key % 2**64)


def _draw(
    values: Floats, gain: Floats, of_chunk: tuple[NDArray[np.int32], int, int, NDArray[np.int64]], key: int
) -> tuple[Words, Words]:
    """Return words and signs [W, L] of the lines of ``values``."""
    starts = of_chunk[-1]
    words, signs = np.empty((2, starts[-1], len(values)), np.uint32)
    share(draw_lines, len(starts) - 1, words.size * 32, values, gain, *of_chunk, np.uint64(key), words, signs)
    return words, signs
