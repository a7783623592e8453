"""The sequential pulsed update on the CPU as compiled loops over coincidences; same law as :mod:`.sequential`.

::

    words:  for every sample and line, up to 32 slots of its train as the bits of one word
    rows:   for every row i of the array, for every sample b (in order), for every line j that fires:
                n = number of set bits of word_x[b, j] & word_d[b, i];  n pulses on w[i, j]

A word that is zero costs nothing, so that the time follows the number of lines that fire, not the size of the array.
Randomness is a hash of a seed and of the place where it is used (splitmix64), so that the result does not depend on
the order of the rows. Normal numbers are interpolated between 1,024 quantiles. The loops use one thread: threads of
Numba's beside those of torch fight over the same cores, which made every other operation many times slower.

Axes: B sample (or image patch), G group of 32 slots, O out, I in, P parameter of a device (see :mod:`.table`).
"""

from functools import cache

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from analogcli.crossbar.table import POWER, SOFT_BOUNDS, DeviceTable
from analogcli.spec import Pulses

Words = NDArray[np.uint32]
Floats = NDArray[np.float32]

SLOTS = 32
NORMAL_INTERVALS = 1024
NORMAL_END = 3.625


def pulsed_update(
    w_OI: Tensor,
    table: DeviceTable,
    dw_min: float,
    x_BI: Tensor,
    d_BO: Tensor,
    asked: float,
    pulses: Pulses,
    seed: int,
) -> None:
    """Apply all samples, one after the other, to the contiguous ``w_OI`` in place; ``asked`` is lr/granularity.

    In place, because fresh memory for the weights would cost as much as the pulses.
    """
    w = w_OI.numpy()
    x, d = x_BI.contiguous().numpy(), d_BO.contiguous().numpy()
    managed = pulses.update_management or pulses.update_bl_management
    length_B, gain_x_B, gain_d_B = _plan_trains(x, d, asked, pulses.desired_bl, pulses.update_bl_management, managed)
    groups = -(-int(length_B.max()) // SLOTS) if len(length_B) else 0
    if groups == 0:
        return
    words_x = np.zeros((len(x), groups, x.shape[1]), np.uint32)
    words_d = np.zeros((len(d), groups, d.shape[1]), np.uint32)
    _draw_words(x, gain_x_B, length_B, np.uint64(2 * seed), words_x)
    _draw_words(d, gain_d_B, length_B, np.uint64(2 * seed + 1), words_d)
    _pulse_rows(
        w,
        table.devices_OIP,
        table.references_OI,
        table.formula,
        np.float32(table.shape),
        np.float32(table.sigma),
        table.noise_is_relative,
        np.float32(dw_min),
        x,
        d,
        words_x,
        words_d,
        np.uint64(seed),
        _normal_edges(),
    )


@cache
def _normal_edges() -> Floats:
    """Return the edges of 1,024 equally likely intervals of the normal distribution, small enough to stay in cache."""
    edges = torch.special.ndtri(torch.arange(NORMAL_INTERVALS + 1, dtype=torch.float64) / NORMAL_INTERVALS)
    # The outermost intervals are infinite; these ends give the whole, uniform within each interval, the variance 1.
    edges[0], edges[-1] = -NORMAL_END, NORMAL_END
    cells: Floats = edges.to(torch.float32).numpy()
    return cells


@njit(cache=True)
def _mix(z):  # type: ignore[no-untyped-def]
    """Finish a splitmix64 hash."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def _key(seed, place):  # type: ignore[no-untyped-def]
    return _mix(_mix(seed) + np.uint64(place) * np.uint64(0x9E3779B97F4A7C15))


@njit(cache=True)
def _plan_trains(x, d, asked, n, shorten, managed):  # type: ignore[no-untyped-def]
    """Return BL, B and A of each sample: the formulas of :mod:`.pulses` without the cost of tensor operations."""
    length = np.zeros(len(x), np.int64)
    gain_x = np.zeros(len(x), np.float32)
    gain_d = np.zeros(len(x), np.float32)
    for b in range(len(x)):
        x_max, d_max = np.abs(x[b]).max(), np.abs(d[b]).max()
        k = asked * x_max * d_max
        if k > 0:
            length[b] = min(int(np.ceil(k)), n) if shorten else n
            gain = np.sqrt(asked / length[b])
            ratio = np.sqrt(x_max / (d_max * min(n / k, 1.0))) if managed else 1.0
            gain_x[b], gain_d[b] = gain / ratio, gain * ratio
    return length, gain_x, gain_d


@njit(cache=True)
def _draw_words(values, gain, length, seed, words):  # type: ignore[no-untyped-def]
    """Fill words[B, G, line] with the slots in which each line fires."""
    n_lines = values.shape[1]
    for b in range(values.shape[0]):
        for line in range(n_lines):
            p = abs(values[b, line]) * gain[b]
            if p == 0.0 or length[b] == 0:
                continue
            # A uniform 32-bit number is below this bound with probability p; p ≥ 1 is always.
            bound = np.uint64(4294967296.0 * min(np.float64(p), 1.0))
            state = _key(seed, b * n_lines + line)
            for slot in range(length[b]):
                if slot & 1 == 0:
                    state += np.uint64(0x9E3779B97F4A7C15)
                    bits = _mix(state)
                else:
                    bits >>= np.uint64(32)
                if (bits & np.uint64(0xFFFFFFFF)) < bound:
                    words[b, slot >> 5, line] |= np.uint32(1) << np.uint32(slot & 31)


@njit(cache=True)
def _normal(bits, edges):  # type: ignore[no-untyped-def]
    """Return a normal number: 10 of the bits choose an interval, 24 a place in it."""
    cell = bits >> np.uint64(54)
    place = np.float32((bits >> np.uint64(30)) & np.uint64(0xFFFFFF)) * np.float32(1 / 16777216)
    return edges[cell] + place * (edges[cell + np.uint64(1)] - edges[cell])


@njit(cache=True)
def _pulse(formula, shape, scale, v, ahead, behind):  # type: ignore[no-untyped-def]
    """Return the noise-free pulse of one device towards the bound ``ahead`` (see :class:`.table.DeviceTable`)."""
    one, two = np.float32(1.0), np.float32(2.0)
    if formula == SOFT_BOUNDS:
        return scale * (one - v / ahead)
    if formula == POWER:
        distance = two * (ahead - v) / (ahead - behind)
        # The papers' γ_res = 0.5 is common, and a root is many times faster than a power.
        return scale * (np.sqrt(distance) if shape == np.float32(0.5) else distance**shape)
    return scale * np.expm1(shape * (one - v / ahead)) / np.expm1(shape)


@njit(cache=True)
def _pulse_rows(  # type: ignore[no-untyped-def]
    w, devices, references, formula, shape, sigma, relative, dw_min, x, d, words_x, words_d, seed, normal
):
    """Apply all pulses to ``w`` in place."""
    n_samples, groups, n_in = words_x.shape
    n_out, n_steps = w.shape[0], n_samples * groups
    firing = np.empty((n_steps, n_in), np.int32)
    n_firing = np.zeros(n_steps, np.int32)
    for s in range(n_steps):
        for j in range(n_in):
            if words_x[s // groups, s % groups, j] != 0:
                firing[s, n_firing[s]] = j
                n_firing[s] += 1
    for i in range(n_out):
        w_i, devices_i = w[i], devices[i]
        for s in range(n_steps):
            b, group = s // groups, s % groups
            word_d = words_d[b, group, i]
            if word_d == 0:
                continue
            row_key = _key(seed, s * n_out + i)
            for f in range(n_firing[s]):
                j = firing[s, f]
                both = word_d & words_x[b, group, j]
                if both == 0:
                    continue
                up = (d[b, i] < 0) != (x[b, j] < 0)
                lower, upper = devices_i[j, 2], devices_i[j, 3]
                reference = references[i, j] if len(references) else np.float32(0.0)
                state = row_key + np.uint64(j) * np.uint64(0xD1B54A32D192ED03)
                v = w_i[j] + reference
                while both != 0:
                    both &= both - np.uint32(1)
                    scale = devices_i[j, 0] if up else devices_i[j, 1]
                    ahead, behind = (upper, lower) if up else (lower, upper)
                    step = _pulse(formula, shape, scale, v, ahead, behind)
                    if sigma != 0:
                        state += np.uint64(0x9E3779B97F4A7C15)
                        xi = _normal(_mix(state), normal)
                        step += sigma * xi * (step if relative else scale)
                    v += dw_min * step if up else -dw_min * step
                    v = min(max(v, lower), upper)
                w_i[j] = v - reference
