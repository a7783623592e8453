"""The pulsed update of one array: coincidences counted in words, then pulse after pulse on every device that has any.

::

    n(i, j)   = Σ_w popcount(X[w, j] & D[w, i])              exact joint law of all counts of the chunk
    n_up(i, j) = the same for slots in which x and d have different signs
    n times:  w ← clip(w ± (pulse(w) + noise ξ)),  up with probability n_up/n of those that are left

A chunk of one sample is the sequential update: all its pulses on a device have one direction. Within larger chunks the
order of the samples is lost. Lines that fire in no slot are left out, so that the time follows those that do.

Axes: B sample, W word, O out, I in, P parameter of a device (see :mod:`analogcli.crossbar.table`).
"""

import numpy as np
from numba import njit

from analogcli.crossbar.kernels.hashing import GOLDEN, LINE, mix64, normal, popcount
from analogcli.crossbar.kernels.response import pulse
from analogcli.crossbar.kernels.trains import draw_words, plan
from analogcli.crossbar.table import DOWN, HI, LO, NOISE_DOWN, NOISE_UP, SLOPE_DOWN, SLOPE_UP, UP


@njit(cache=True, nogil=True)
def update_arrays(  # type: ignore[no-untyped-def]
    w, seen, devices, formula, constants, nodes, noise, x, d, asked, n, shorten, managed, max_pulses, keys, row, col
):
    """Apply all samples to arrays ``w`` [R, O, I] in place, ``x`` and ``d`` belonging to lines from ``row``, ``col`` on.

    ``noise`` is sigma, sigma_slope, write_noise; ``asked`` is lr/granularity; chunks have at most ``max_pulses``
    expected pulses on any device, or one sample where that is 0.
    """
    for r in range(len(w)):
        length, gain_x, gain_d, load = plan(x[r], d[r], asked, n, shorten, managed)
        n_chunks = len(x[r]) if max_pulses <= 0 else min(max(int(np.ceil(load / max_pulses)), 1), len(x[r]))
        for c in range(n_chunks):
            first, last = len(x[r]) * c // n_chunks, len(x[r]) * (c + 1) // n_chunks
            slots = length[first:last].sum()
            if slots == 0:
                continue
            n_words = (slots + 31) // 32
            words_x, signs_x = np.empty((n_words, x.shape[2]), np.uint32), np.empty((n_words, x.shape[2]), np.uint32)
            words_d, signs_d = np.empty((n_words, d.shape[2]), np.uint32), np.empty((n_words, d.shape[2]), np.uint32)
            key = mix64(keys[r])
            draw_words(x[r], gain_x, length, first, last, key, words_x, signs_x)
            draw_words(d[r], gain_d, length, first, last, key ^ LINE, words_d, signs_d)
            active, packed_x, packed_signs = pack(words_x, signs_x)
            pulse_key = key + np.uint64(c + 1) * LINE
            pulse_rows(
                w[r], seen[r] if len(seen) else w[r, :0], devices[r], formula, constants, nodes, noise,
                active, packed_x, packed_signs, words_d, signs_d, pulse_key, row, col, 0, d.shape[2],
            )  # fmt: skip


@njit(cache=True, nogil=True)
def pack(words, signs):  # type: ignore[no-untyped-def]
    """Return the lines that fire at all, and their words side by side."""
    n_words, n_lines = words.shape
    fires = np.zeros(n_lines, np.uint32)
    for w in range(n_words):
        for line in range(n_lines):
            fires[line] |= words[w, line]
    active = np.flatnonzero(fires).astype(np.int32)
    packed, packed_signs = np.empty((n_words, len(active)), np.uint32), np.empty((n_words, len(active)), np.uint32)
    for w in range(n_words):
        for a in range(len(active)):
            packed[w, a] = words[w, active[a]]
            packed_signs[w, a] = signs[w, active[a]]
    return active, packed, packed_signs


@njit(cache=True, nogil=True)
def pulse_rows(  # type: ignore[no-untyped-def]
    w, seen, devices, formula, constants, nodes, noise, active, words_x, signs_x, words_d, signs_d, key, row, col,
    begin, end,
):  # fmt: skip
    """Count the coincidences of rows ``begin`` to ``end`` and pulse their devices."""
    n_words, n_active = words_x.shape
    total, up = np.empty(n_active, np.uint32), np.empty(n_active, np.uint32)
    for i in range(begin, end):
        if not count(i, words_x, signs_x, words_d, signs_d, total, up):
            continue
        w_i, devices_i = w[row + i], devices[row + i]
        row_key = mix64(key + np.uint64(i) * GOLDEN)
        for a in range(n_active):
            if total[a]:
                j = active[a] + col
                w_i[j] = train(
                    formula, constants, nodes, noise, w_i[j], devices_i[j], total[a], up[a],
                    row_key + np.uint64(j) * LINE,
                )  # fmt: skip
                if len(seen):
                    bits = np.uint32(mix64(row_key ^ (np.uint64(j) * GOLDEN)) >> np.uint64(32))
                    seen[row + i, j] = w_i[j] + noise[2] * normal(bits)


@njit(cache=True, nogil=True)
def count(i, words_x, signs_x, words_d, signs_d, total, up):  # type: ignore[no-untyped-def]
    """Count all coincidences, and those that ask upwards, of row ``i`` with every active line; return if it fires."""
    fires = False
    total[:] = 0
    up[:] = 0
    for w in range(len(words_x)):
        word_d = words_d[w, i]
        if word_d != 0:
            fires = True
            _count_word(words_x[w], signs_x[w], word_d, signs_d[w, i], total, up)
    return fires


@njit(cache=True, nogil=True)
def _count_word(words_x, signs_x, word_d, sign_d, total, up):  # type: ignore[no-untyped-def]
    for a in range(len(words_x)):
        both = np.uint32(words_x[a] & word_d)
        total[a] += popcount(both)
        up[a] += popcount(np.uint32(both & (signs_x[a] ^ sign_d)))


@njit(cache=True, nogil=True)
def train(formula, constants, nodes, noise, w, device, total, up, key):  # type: ignore[no-untyped-def]
    """Return the weight of one device after ``total`` pulses, ``up`` of them upwards, in random order."""
    sigma, sigma_slope = noise[0], noise[1]
    low, high = device[LO], device[HI]
    state = key
    left, left_up = np.uint64(total), np.uint64(up)
    while left != 0:
        state += GOLDEN
        bits = mix64(state)
        upwards = left_up == left or (left_up != 0 and ((bits >> np.uint64(32)) * left >> np.uint64(32)) < left_up)
        if upwards:
            scale, slope, extra = device[UP], device[SLOPE_UP], device[NOISE_UP]
        else:
            scale, slope, extra = device[DOWN], device[SLOPE_DOWN], device[NOISE_DOWN]
        step = pulse(formula, constants, nodes, w, upwards, scale, slope, low, high)
        spread = sigma * step + extra + sigma_slope * abs(w)
        if spread != 0:
            step += spread * normal(np.uint32(bits & np.uint64(0xFFFFFFFF)))
        w = min(max(w + step if upwards else w - step, low), high)
        left -= np.uint64(1)
        left_up -= np.uint64(upwards)
    return w
