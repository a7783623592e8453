"""Pulse trains as words where the samples of a line lie side by side in memory, as the patches of a convolution do.

The same law as :mod:`.trains`, for x [I, N] and d [O, N]. A word holds one slot of 32 samples instead of up to 32 slots
of one; a group of 32 samples has as many words as its longest train has slots.

Axes: N sample (image patch), L line (row or column of the array), W word.
"""

import numpy as np
from numba import njit

from analogcli.crossbar.kernels.hashing import GOLDEN, hash32, key_pair

GROUP = 32
"""Samples of a word."""
BLOCK = 16
"""Groups that are read from a line at a time."""


@njit(cache=True, nogil=True, error_model="numpy")
def largest(values):  # type: ignore[no-untyped-def]
    """Return max|values| of every sample."""
    n_lines, n = values.shape
    bits, out = values.view(np.int32), np.zeros(n, np.int32)
    for i in range(n_lines):
        for s in range(n):
            out[s] = max(out[s], np.int32(bits[i, s] & np.int32(0x7FFFFFFF)))
    return out.view(np.float32)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def most_squares(values):  # type: ignore[no-untyped-def]
    """Return the largest sum of squares of any line."""
    most = np.float32(0.0)
    for i in range(len(values)):
        total = np.float32(0.0)
        for s in range(values.shape[1]):
            total += values[i, s] * values[i, s]
        most = max(most, total)
    return most


@njit(cache=True, nogil=True, error_model="numpy")
def plan_lines(x, d, asked, n, shorten, managed, bounds):  # type: ignore[no-untyped-def]
    """Return BL, gain of x, gain of d and k for every sample, and a bound on the load of all together, if asked for.

    The formulas are those of :mod:`analogcli.crossbar.pulses` and :mod:`.trains`.
    """
    x_max, d_max = largest(x), largest(d)
    length = np.zeros(len(x_max), np.int32)
    gain_x, gain_d = np.zeros(len(x_max), np.float32), np.zeros(len(x_max), np.float32)
    asks = np.zeros(len(x_max), np.float64)
    for s in range(len(x_max)):
        k = asked * x_max[s] * d_max[s]
        asks[s] = k
        if k > 0:
            length[s] = min(np.int64(np.ceil(k)), n) if shorten else n
            gain = np.sqrt(asked / length[s])
            ratio = np.sqrt(x_max[s] / (d_max[s] * min(n / k, 1.0))) if managed else 1.0
            gain_x[s], gain_d[s] = gain / ratio, gain * ratio
    load = asked * np.sqrt(np.float64(most_squares(x)) * np.float64(most_squares(d))) if bounds else np.inf
    return length, gain_x, gain_d, asks, load


@njit(cache=True, nogil=True, error_model="numpy")
def first_words(length, first, last):  # type: ignore[no-untyped-def]
    """Return the first word of every group of 32 samples between ``first`` and ``last``, and the number of words."""
    n_groups = (last - first + GROUP - 1) // GROUP
    words = np.zeros(n_groups + 1, np.int64)
    for g in range(n_groups):
        begin = first + g * GROUP
        words[g + 1] = words[g] + length[begin : min(begin + GROUP, last)].max()
    return words


@njit(cache=True, nogil=True, error_model="numpy")
def draw_lines(values, gain, length, first, last, starts, key, words, signs, begin, end):  # type: ignore[no-untyped-def]
    """Fill ``words`` and ``signs`` [W, L] with the trains of the groups ``begin`` to ``end``."""
    n_lines, n = values.shape
    # Flat and with unsigned indices (a signed one could count from the end): loops become vector instructions.
    flat, bits = values.reshape(-1), values.reshape(-1).view(np.int32)
    for block in range(begin, end, BLOCK):
        w_0, w_1 = starts[block], starts[min(block + BLOCK, end)]
        sample, limit, keys = _slots(gain, length, first, last, starts, block, min(block + BLOCK, end), key)
        for i in range(n_lines):
            place = np.uint32(i * GROUP)
            for w in range(w_1 - w_0):
                start, size = np.uint64(i * n + sample[w]), np.uint64(min(GROUP, last - sample[w]))
                word, sign, slot = np.uint32(0), np.uint32(0), np.uint64(w * GROUP)
                key_1, key_2 = keys[w, 0], keys[w, 1]
                if size == np.uint64(GROUP):
                    for s in range(np.uint64(GROUP)):
                        draw = hash32(np.uint32(place + np.uint32(s)), key_1, key_2) >> np.uint32(8)
                        fires = np.uint32(np.float32(np.int32(draw)) < abs(flat[start + s]) * limit[slot + s])
                        word |= np.uint32(fires << np.uint32(s))
                        sign |= np.uint32((fires & np.uint32(bits[start + s] < 0)) << np.uint32(s))
                else:
                    for s in range(size):
                        draw = hash32(np.uint32(place + np.uint32(s)), key_1, key_2) >> np.uint32(8)
                        fires = np.uint32(np.float32(np.int32(draw)) < abs(flat[start + s]) * limit[slot + s])
                        word |= np.uint32(fires << np.uint32(s))
                        sign |= np.uint32((fires & np.uint32(bits[start + s] < 0)) << np.uint32(s))
                words[w_0 + w, i] = word
                signs[w_0 + w, i] = sign


@njit(cache=True, nogil=True, error_model="numpy")
def draw_chunk(x, d, gain_x, gain_d, length, first, last, starts, key_x, key_d):  # type: ignore[no-untyped-def]
    """Return words and signs of x and of d for the samples ``first`` to ``last``."""
    n_words, n_groups = starts[-1], len(starts) - 1
    words_x, signs_x = np.empty((n_words, len(x)), np.uint32), np.empty((n_words, len(x)), np.uint32)
    words_d, signs_d = np.empty((n_words, len(d)), np.uint32), np.empty((n_words, len(d)), np.uint32)
    draw_lines(x, gain_x, length, first, last, starts, key_x, words_x, signs_x, 0, n_groups)
    draw_lines(d, gain_d, length, first, last, starts, key_d, words_d, signs_d, 0, n_groups)
    return words_x, signs_x, words_d, signs_d


@njit(cache=True, nogil=True, error_model="numpy")
def _slots(gain, length, first, last, starts, begin, end, key):  # type: ignore[no-untyped-def]
    """Return for every word of the groups its first sample, the probabilities of its 32 samples, and its keys."""
    n_words = starts[end] - starts[begin]
    sample, keys = np.empty(n_words, np.int64), np.empty((n_words, 2), np.uint32)
    limit = np.zeros((n_words, GROUP), np.float32)
    for g in range(begin, end):
        s_0 = first + g * GROUP
        for slot in range(starts[g + 1] - starts[g]):
            w = starts[g] - starts[begin] + slot
            sample[w] = s_0
            keys[w, 0], keys[w, 1] = key_pair(key + np.uint64(starts[g] + slot) * GOLDEN)
            for s in range(min(GROUP, last - s_0)):
                # 24 bits decide: p = 1 fires always, p = 0 never.
                limit[w, s] = gain[s_0 + s] * np.float32(16777216.0) if length[s_0 + s] > slot else np.float32(0.0)
    return sample, limit.reshape(-1), keys
