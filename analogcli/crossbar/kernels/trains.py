"""Pulse trains as words: which of up to 32 slots a line fires in, for whole chunks of samples.

::

    k_b = lr x̂ d̂/g,  BL, A, B of every sample               the formulas of :mod:`analogcli.crossbar.pulses`
    load = lr/g · √(max_j Σ_b x_bj² · max_i Σ_b d_bi²)         at least the expected pulses on any cross point (Cauchy)
    chunk of sample b = ⌊n (k_0 + … + k_b/2)/Σ k⌋              equal shares of what is asked for, not of the samples
    words[w, line]  bit s: the line fires in slot s of word w      signs[w, line]: and its value is negative

Axes: B sample (or image patch), W word, L line (row or column of the array).
"""

import numpy as np
from numba import njit

from analogcli.crossbar.kernels.hashing import GOLDEN, hash32, key_pair


@njit(cache=True, nogil=True, error_model="numpy")
def plan(x, d, asked, n, shorten, managed):  # type: ignore[no-untyped-def]
    """Return BL, gain of x, gain of d and k for every sample, and the load of all samples together [pulses]."""
    length = np.zeros(len(x), np.int64)
    asks = np.zeros(len(x), np.float64)
    gain_x = np.zeros(len(x), np.float32)
    gain_d = np.zeros(len(x), np.float32)
    squares_x = np.zeros(x.shape[1], np.float32)
    squares_d = np.zeros(d.shape[1], np.float32)
    for b in range(len(x)):
        x_max, d_max = _largest(x[b], squares_x), _largest(d[b], squares_d)
        k = asked * x_max * d_max
        asks[b] = k
        if k > 0:
            length[b] = min(int(np.ceil(k)), n) if shorten else n
            gain = np.sqrt(asked / length[b])
            ratio = np.sqrt(x_max / (d_max * min(n / k, 1.0))) if managed else 1.0
            gain_x[b], gain_d[b] = gain / ratio, gain * ratio
    return length, gain_x, gain_d, asks, asked * np.sqrt(squares_x.max() * squares_d.max())


@njit(cache=True, nogil=True, error_model="numpy")
def edges(asks, n_chunks):  # type: ignore[no-untyped-def]
    """Return the first sample of every chunk, and the number of samples; as many chunks as samples hold one each.

    Late in training a few samples ask for nearly all: chunks of as many samples each would bring all of that at once.
    """
    samples, total = len(asks), asks.sum()
    if n_chunks >= samples:
        return np.arange(samples + 1)
    if total <= 0:
        return np.array([0, samples])
    begins, chunk, before = np.zeros(n_chunks + 1, np.int64), 0, 0.0
    for b in range(samples):
        own = min(int(n_chunks * (before + asks[b] / 2) / total), n_chunks - 1)
        before += asks[b]
        while chunk < own:
            chunk += 1
            begins[chunk] = b
    begins[chunk + 1 :] = samples
    return begins


@njit(cache=True, nogil=True, fastmath=True)
def _largest(values, squares):  # type: ignore[no-untyped-def]
    """Return the largest absolute value, and add the squares of all to ``squares``."""
    largest = np.float32(0.0)
    for line in range(len(values)):
        value = abs(values[line])
        largest = max(largest, value)
        squares[line] += value * value
    return np.float64(largest)


@njit(cache=True, nogil=True, error_model="numpy")
def draw_words(values, gain, length, first, last, key, words, signs):  # type: ignore[no-untyped-def]
    """Fill ``words`` and ``signs`` [W, L], all 0, with the trains of the samples ``first`` to ``last``."""
    slot = 0
    for b in range(first, last):
        for s in range(length[b]):
            key_1, key_2 = key_pair(key + np.uint64((b << 20) + s) * GOLDEN)
            _fire(values[b], gain[b], key_1, key_2, np.uint32(slot & 31), words[slot >> 5], signs[slot >> 5])
            slot += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _fire(values, gain, key_1, key_2, bit, words, signs):  # type: ignore[no-untyped-def]
    """Decide for one slot which lines fire."""
    for line in range(len(values)):
        value = values[line]
        # 24 bits decide: p = 1 fires always, p = 0 never.
        fires = np.float32(hash32(line, key_1, key_2) >> np.uint32(8)) < abs(value) * gain * np.float32(16777216.0)
        word = np.uint32(np.uint32(fires) << bit)
        words[line] |= word
        signs[line] |= word if value < 0 else np.uint32(0)
