"""The chunked update on the CPU where the samples of a line lie side by side in memory, as a convolution's patches do.

The law and the loops over rows are those of :mod:`.kernels.coincidence`; only the trains are drawn along the lines.
Large arrays are shared between threads: groups of samples while trains are drawn, rows while devices are pulsed.

Axes: A array (replica and group), O out, I in, N sample (image patch).
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analogcli.crossbar.kernels.coincidence import pack, pulse_rows
from analogcli.crossbar.kernels.hashing import LINE
from analogcli.crossbar.kernels.threads import LARGE, share
from analogcli.crossbar.kernels.train_lines import draw_chunk, draw_lines, first_words, plan_lines
from analogcli.crossbar.kernels.trains import edges
from analogcli.crossbar.pulses import managed
from analogcli.crossbar.randomness import Randomness
from analogcli.spec import Pulses

if TYPE_CHECKING:
    from analogcli.crossbar.array import CrossbarArray

OF_PULSES = 0x5851F42D4C957F2D
"""Tells the keys of pulses from those of trains."""

ENOUGH, SAFETY = 128, 1.25
"""Samples that an estimate of the load looks at, and the factor on it."""

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
        for c, trains in enumerate(_chunks(x[a], d[a], lr / array.granularity, pulses, max_pulses, int(key))):
            words_x, signs_x, words_d, signs_d = trains
            packed = pack(words_x, signs_x)
            # Not one of the keys of the trains, which are multiples of the same odd number away from ``key``.
            pulse_key = np.uint64((int(key) + c * int(LINE)) % 2**64 ^ OF_PULSES)
            work = w[a].size * len(words_x)
            share(rows, len(w[a]), work, *of_array, *packed, words_d, signs_d, pulse_key, 0, 0)


def _chunks(
    x_IN: Floats, d_ON: Floats, asked: float, pulses: Pulses, max_pulses: float, key: int
) -> Iterator[tuple[Words, Words, Words, Words]]:
    """Yield words and signs of x and of d for every chunk."""
    bit_lines = (pulses.desired_bl, pulses.update_bl_management, managed(pulses))
    length, gain_x, gain_d, asks, load = plan_lines(x_IN, d_ON, asked, *bit_lines, x_IN.size < LARGE)
    if load > max_pulses:
        load = min(load, _estimated_load(x_IN, d_ON, asked))
    for c, (first, last) in enumerate(pairwise(edges(asks, max(math.ceil(load / max_pulses), 1)).tolist())):
        starts = first_words(length, first, last)
        if starts[-1]:
            of_chunk = (length, first, last, starts)
            key_x = (key + c * int(LINE)) % 2**64
            key_d = ~key_x % 2**64
            if x_IN.size < LARGE:
                yield draw_chunk(x_IN, d_ON, gain_x, gain_d, *of_chunk, np.uint64(key_x), np.uint64(key_d))
            else:
                yield *_draw(x_IN, gain_x, of_chunk, key_x), *_draw(d_ON, gain_d, of_chunk, key_d)


def _estimated_load(x_IN: Floats, d_ON: Floats, asked: float) -> float:
    """Return the expected pulses of the most pulsed device, from some of the samples, rather too many than too few.

    Where Cauchy and Schwarz allow for inputs and gradients that are large together, this sees that they seldom are.
    """
    every = max(x_IN.shape[1] // ENOUGH, 1)
    x_IS, d_OS = (torch.from_numpy(values)[:, ::every].abs() for values in (x_IN, d_ON))
    most = torch.mm(d_OS, x_IS.T).max().item()
    return float(SAFETY * every * asked * most)


def _draw(
    values: Floats, gain: Floats, of_chunk: tuple[NDArray[np.int32], int, int, NDArray[np.int64]], key: int
) -> tuple[Words, Words]:
    """Return words and signs [W, L] of the lines of ``values``, groups of samples shared between threads."""
    starts = of_chunk[-1]
    words, signs = np.empty((2, starts[-1], len(values)), np.uint32)
    share(draw_lines, len(starts) - 1, words.size * 32, values, gain, *of_chunk, np.uint64(key), words, signs)
    return words, signs
