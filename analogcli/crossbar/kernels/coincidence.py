"""The pulsed update of one array: coincidences counted in words, then pulse after pulse on every device that has any.

::

    n(i, j)   = Σ_w popcount(X[w, j] & D[w, i])              exact joint law of all counts of the chunk
    n_up(i, j) = the same for slots in which x and d have different signs
    n times:  w ← clip(w ± (pulse(w) + noise ξ)),  up with probability n_up/n of those that are left
    linear responses: all n in one step, where they are many and change w little

A chunk of one sample is the sequential update: all its pulses on a device have one direction. Within larger chunks the
order of the samples is lost. Lines that fire in no slot are left out, so that the time follows those that do.

The loops over arrays and rows take the devices' formula first. They are copied (``inline``) into what is compiled for
each formula, where it is a constant.

Axes: B sample, W word, O out, I in, P parameter of a device (see :mod:`analogcli.crossbar.table`).
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from analogcli.crossbar.kernels.hashing import GOLDEN, LINE, hash32, key_pair, mix64, normal, popcount
from analogcli.crossbar.kernels.response import linear_train, pulse
from analogcli.crossbar.kernels.trains import draw_words, edges, plan
from analogcli.crossbar.table import (
    DOWN,
    HI,
    LINEAR,
    LO,
    NOISE_DOWN,
    NOISE_UP,
    SLOPE_DOWN,
    SLOPE_UP,
    UP,
)

MOST = 0.7
"""Share of the lines from which on they are not packed."""
DENSE = 0.4
"""Share of a row's devices that are hit from which on a linear response treats all of them alike, as vectors."""
FAR = np.float32(np.inf)
MANY = 4
"""Pulses from which on the closed form of a linear response is faster than one pulse after the other."""
SHORT_WAY = np.float32(0.2)
"""Pulses times slope up to which it is used: beyond, the series end too early and the bounds count at every pulse."""


@njit(cache=True, nogil=True, error_model="numpy")
def pack(words, signs):  # type: ignore[no-untyped-def]
    """Return the lines that fire at all, and their words side by side; all lines, if most of them do."""
    n_words, n_lines = words.shape
    fires = np.zeros(n_lines, np.uint32)
    for w in range(n_words):
        for line in range(n_lines):
            fires[line] |= words[w, line]
    active = np.flatnonzero(fires).astype(np.int32)
    if len(active) > MOST * n_lines:
        return np.arange(n_lines).astype(np.int32), words, signs
    packed, packed_signs = np.empty((n_words, len(active)), np.uint32), np.empty((n_words, len(active)), np.uint32)
    for w in range(n_words):
        for a in range(len(active)):
            packed[w, a] = words[w, active[a]]
            packed_signs[w, a] = signs[w, active[a]]
    return active, packed, packed_signs


@njit(cache=True, nogil=True, error_model="numpy")
def count(words_x, signs_x, word_d, sign_d, total, up):  # type: ignore[no-untyped-def]
    """Add to the coincidences of one row with every active line, and to those that ask upwards."""
    for a in range(len(words_x)):
        both = np.uint32(words_x[a] & word_d)
        total[a] += popcount(both)
        up[a] += popcount(np.uint32(both & (signs_x[a] ^ sign_d)))


@njit(cache=True, nogil=True, error_model="numpy")
def linear_row(w, devices, total, up, col, sigma, key_1, key_2, parts, after):  # type: ignore[no-untyped-def]
    """Write the weights of one row of linear devices ``after`` their pulses; FAR where these come one after the other.

    ``parts`` takes the numbers of the devices side by side: the compiler makes vectors of plain columns only, and of
    few arrays.
    """
    for p in range(8):
        for a in range(len(total)):
            parts[p, a] = devices[np.uint64(a + col), p]
    for a in range(len(total)):
        low, high = parts[LO, a], parts[HI, a]
        n, n_up = np.float32(np.int32(total[a])), np.float32(np.int32(up[a]))
        xi = normal(hash32(np.uint32(a), key_1, key_2))
        v = linear_train(
            w[np.uint64(a + col)], n_up, n - n_up, parts[UP, a], parts[SLOPE_UP, a], parts[DOWN, a],
            parts[SLOPE_DOWN, a], parts[NOISE_UP, a], parts[NOISE_DOWN, a], sigma, xi,
        )  # fmt: skip
        far = (n * max(abs(parts[SLOPE_UP, a]), abs(parts[SLOPE_DOWN, a])) > SHORT_WAY) | (high <= low)
        after[a] = FAR if far else min(max(v, low), high)


@njit(inline="always")
def count_and_pulse(  # type: ignore[no-untyped-def]
    formula, w, seen, devices, constants, nodes, noise, active, words_x, signs_x, words_d, signs_d, key, row, col,
    begin, end,
):  # fmt: skip
    """Count the coincidences of the rows ``begin`` to ``end`` of ``words_d``, and pulse their devices."""
    n_active, n_lines = words_x.shape[1], w.shape[1]
    total, up = np.empty(n_active, np.uint32), np.empty(n_active, np.uint32)
    hits = np.empty(n_active + 1, np.int32)
    parts, after = np.empty((8, n_active), np.float32), np.empty(n_active, np.float32)
    sigma, sigma_slope, write_noise = noise[0], noise[1], noise[2]
    for i in range(begin, end):
        fires = False
        for w_d in range(len(words_d)):
            word = words_d[w_d, i]
            if word != 0:
                if not fires:
                    total[:], up[:] = 0, 0
                fires = True
                count(words_x[w_d], signs_x[w_d], word, signs_d[w_d, i], total, up)
        if not fires:
            continue
        o = row + i
        row_key = mix64(key + np.uint64(i) * GOLDEN)
        n_hits = 0
        for a in range(n_active):  # Without a branch: which devices are hit cannot be predicted.
            hits[n_hits] = a
            n_hits += total[a] != 0
        if formula == LINEAR and n_active == n_lines and n_hits > DENSE * n_active:
            key_1, key_2 = key_pair(row_key)
            linear_row(w[o], devices[o], total, up, col, sigma, key_1, key_2, parts, after)
            n_hits = 0
            for a in range(n_active):
                hits[n_hits] = a
                n_hits += after[a] == FAR
                w[o, a + col] = w[o, a + col] if after[a] == FAR else after[a]
            for a in range(n_active if len(seen) else 0):
                if total[a] != 0:
                    bits = mix64(row_key ^ (np.uint64(a + col) * GOLDEN))
                    seen[o, a + col] = w[o, a + col] + write_noise * normal(np.uint32(bits >> np.uint64(32)))
        for h in range(n_hits):
            a = hits[h]
            j = np.int64(active[a]) + col
            state = row_key + np.uint64(j) * LINE
            v, low, high = w[o, j], devices[o, j, LO], devices[o, j, HI]
            # A device whose bounds meet is corrupt and takes no pulse.
            left, left_up = np.int64(total[a]) * np.int64(high > low), np.int64(up[a])
            if formula == LINEAR and left >= MANY:
                up_1, down_1 = devices[o, j, SLOPE_UP], devices[o, j, SLOPE_DOWN]
                if np.float32(left) * max(abs(up_1), abs(down_1)) <= SHORT_WAY:
                    xi = normal(np.uint32(mix64(state) & np.uint64(0xFFFFFFFF)))
                    v = linear_train(
                        v, np.float32(left_up), np.float32(left - left_up), devices[o, j, UP], up_1,
                        devices[o, j, DOWN], down_1, devices[o, j, NOISE_UP], devices[o, j, NOISE_DOWN], sigma, xi,
                    )  # fmt: skip
                    v = min(max(v, low), high)
                    left = np.int64(0)
            while left > 0:
                state += GOLDEN
                bits = mix64(state)
                # Indices instead of branches: the direction of a pulse cannot be predicted either.
                down = np.int64(np.int64(bits >> np.uint64(33)) * left >> np.int64(31) >= left_up)
                scale, slope = devices[o, j, UP + 2 * down], devices[o, j, SLOPE_UP + 2 * down]
                step = pulse(formula, constants, nodes, v, down == 0, scale, slope, low, high)
                spread = sigma * step + devices[o, j, NOISE_UP + down] + sigma_slope * abs(v)
                step += spread * normal(np.uint32(bits & np.uint64(0xFFFFFFFF)))
                v = min(max(v + step * np.float32(1 - 2 * down), low), high)
                left -= 1
                left_up -= 1 - down
            w[o, j] = v
            if len(seen):
                bits = mix64(row_key ^ (np.uint64(j) * GOLDEN))
                seen[o, j] = v + write_noise * normal(np.uint32(bits >> np.uint64(32)))


@cache
def pulse_rows(formula: int) -> Callable[..., None]:
    """Return the compiled loop over the rows of one array [O, I] whose devices follow ``formula``.

    It takes w, seen, devices, constants, nodes, noise, active, words_x, signs_x, words_d, signs_d, key, row, col, begin
    and end: rows ``begin`` to ``end`` of ``words_d`` have their coincidences counted and their devices pulsed.
    """

    @njit(cache=True, nogil=True, error_model="numpy")
    def rows(  # type: ignore[no-untyped-def]
        w, seen, devices, constants, nodes, noise, active, words_x, signs_x, words_d, signs_d, key, row, col, begin, end
    ):
        count_and_pulse(
            formula, w, seen, devices, constants, nodes, noise, active, words_x, signs_x, words_d, signs_d, key, row,
            col, begin, end
        )  # fmt: skip

    compiled: Callable[..., Any] = rows
    return compiled


@njit(inline="always")
def update_each(  # type: ignore[no-untyped-def]
    formula, w, seen, devices, constants, nodes, noise, x, d, asked, n, shorten, managed, max_pulses, keys, row, col
):
    """Apply all samples to each array, chunk after chunk."""
    for r in range(len(w)):
        length, gain_x, gain_d, asks, load = plan(x[r], d[r], asked, n, shorten, managed)
        samples = len(x[r])
        begins = edges(asks, samples if max_pulses <= 0 else max(int(np.ceil(load / max_pulses)), 1))
        key = mix64(keys[r])
        for c in range(len(begins) - 1):
            first, last = begins[c], begins[c + 1]
            slots = length[first:last].sum()
            if slots == 0:
                continue
            shape_x, shape_d = ((slots + 31) // 32, x.shape[2]), ((slots + 31) // 32, d.shape[2])
            words_x, signs_x = np.zeros(shape_x, np.uint32), np.zeros(shape_x, np.uint32)
            words_d, signs_d = np.zeros(shape_d, np.uint32), np.zeros(shape_d, np.uint32)
            draw_words(x[r], gain_x, length, first, last, key, words_x, signs_x)
            draw_words(d[r], gain_d, length, first, last, key ^ LINE, words_d, signs_d)
            active, packed, packed_signs = pack(words_x, signs_x)
            count_and_pulse(
                formula, w[r], seen[min(r, len(seen) - 1)] if len(seen) else w[r, :0], devices[r], constants, nodes,
                noise, active, packed, packed_signs, words_d, signs_d, key + np.uint64(c + 1) * LINE, row, col, 0,
                d.shape[2],
            )  # fmt: skip


@cache
def update_arrays(formula: int) -> Callable[..., None]:
    """Return the compiled update of arrays whose devices follow ``formula``.

    It takes w, seen, devices, constants, nodes, noise, x, d, asked, n, shorten, managed, max_pulses, keys, row, col and
    applies all samples to the arrays ``w`` [R, O, I] in place. ``seen`` is what reads see, empty where that is ``w``;
    ``x`` and ``d`` belong to the lines from ``col`` and ``row`` on; ``noise`` is sigma, sigma_slope, write_noise;
    ``asked`` is lr/granularity; chunks have at most ``max_pulses`` expected pulses on any device, or one sample where
    that is 0.
    """

    @njit(cache=True, nogil=True, error_model="numpy")
    def update(  # type: ignore[no-untyped-def]
        w, seen, devices, constants, nodes, noise, x, d, asked, n, shorten, managed, max_pulses, keys, row, col
    ):
        update_each(
            formula, w, seen, devices, constants, nodes, noise, x, d, asked, n, shorten, managed, max_pulses, keys,
            row, col
        )  # fmt: skip

    compiled: Callable[..., Any] = update
    return compiled
