"""Chopped Tiki-Taka and AGAD as one compiled loop on the CPU: pulse, read, buffer, write and flip, vector by vector.

These algorithms transfer after every vector, several thousand times a mini-batch on a convolution, and each transfer
touches one column only. The law is that of the cells in :mod:`.chopped_tiki_taka` and :mod:`.agad`, which stay the
reference and do the same in tensor operations; gradient and write are the loops of every other update.

Axes: R replica, B sample (or image patch), O out, I in.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analogcli.crossbar import CrossbarArray
from analogcli.crossbar.kernels.coincidence import update_each
from analogcli.crossbar.kernels.hashing import GOLDEN, LINE, mix64, normal
from analogcli.crossbar.pulses import managed
from analogcli.spec import IO, Pulses

Floats = NDArray[np.float32]
Reference = tuple[Floats, Floats, NDArray[np.bool_]]
"""Means and references [R, I, O], and which columns switched [R, I]."""
_NOTHING = np.empty((0, 0, 0), np.float32)
NO_REFERENCE: Reference = (_NOTHING, _NOTHING, np.empty((0, 0), np.bool_))


class Devices(NamedTuple):
    """An array as the loops take it; ``seen`` is empty where reads see ``w``."""

    w: Floats
    seen: Floats
    devices: Floats
    constants: Floats
    nodes: Floats
    noise: Floats


class Trains(NamedTuple):
    """Longest train, whether it is shortened and balanced."""

    n: int
    shorten: bool
    managed: bool


class Converters(NamedTuple):
    """A read of one column: its input behind the DAC, noise of the output, step (0: none) and bound of the ADC."""

    code: float
    spread: float
    step: float
    bound: float


class Buffer(NamedTuple):
    """Most pulses written at once, what is kept of a written buffer, and whether it is forgotten."""

    most: float
    keep: float
    forget: bool


class Chops(NamedTuple):
    """Probability of random flips, sweeps between regular ones (0: none), and whether this is AGAD."""

    random: float
    period: int
    agad: bool
    beta: float


def devices_of(array: CrossbarArray) -> Devices:
    """Return the memory of ``array``."""
    table = array.law.table
    seen = _NOTHING if array.seen_ROI is array.w_ROI else array.seen_ROI.numpy()
    return Devices(array.w_ROI.numpy(), seen, table.devices_ROIP, table.constants, table.nodes, table.noise)


def trains_of(pulses: Pulses) -> Trains:
    """Return what decides the trains of one vector."""
    return Trains(pulses.desired_bl, pulses.update_bl_management, managed(pulses))


def converters_of(io: IO) -> Converters:
    """Return the read of a column through ``io``, which has no input noise."""
    if io.perfect:
        return Converters(1.0, 0.0, 0.0, float("inf"))
    code = 1.0
    if io.inp_steps:
        step = 2 * io.inp_bound / io.inp_steps
        code = float(np.rint(1 / step)) * step
    code = min(code, io.inp_bound)
    spread = (io.out_noise**2 + (io.w_noise * code) ** 2) ** 0.5
    return Converters(code, spread, 2 * io.out_bound / io.out_steps if io.out_steps else 0.0, io.out_bound)


@njit(cache=True, nogil=True, error_model="numpy")
def read_column(seen, j, converters, key, y):  # type: ignore[no-untyped-def]
    """Read column ``j`` of ``seen`` [O, I] into ``y`` [O]."""
    for i in range(len(y)):
        v = seen[i, j] * converters.code
        if converters.spread > 0:
            v += converters.spread * normal(np.uint32(mix64(key + np.uint64(i) * GOLDEN) >> np.uint64(32)))
        if converters.step > 0:
            v = np.rint(v / converters.step) * converters.step
        y[i] = min(max(v, -converters.bound), converters.bound)


@njit(cache=True, nogil=True, error_model="numpy")
def collect(h, y, past, gain, buffer, n):  # type: ignore[no-untyped-def]
    """Add ``gain`` (y − past) to the buffer ``h`` [O], and take the whole pulses ``n`` [O] out of it."""
    for i in range(len(h)):
        omega = h[i] + gain * (y[i] - past[i])
        pulses = min(max(np.trunc(omega), -buffer.most), buffer.most)
        if pulses != 0:
            omega = omega * buffer.keep if buffer.forget else omega - (1 - buffer.keep) * pulses
        h[i], n[i] = omega, pulses


@njit(cache=True, nogil=True, error_model="numpy")
def flips(key, sweep, chops):  # type: ignore[no-untyped-def]
    """Return whether a column's chopper flips after its read."""
    if chops.period and sweep % chops.period == chops.period - 1 and (chops.agad or chops.random == 0):
        return True
    return chops.random > 0 and (key >> np.uint64(11)) * 2.0**-53 < chops.random


@njit(inline="always")
def pulse(formula, array, r, x, d, asked, trains, key, column):  # type: ignore[no-untyped-def]
    """Update one replica of ``array`` with one vector, from ``column`` on."""
    seen = array.seen[r : r + 1] if len(array.seen) else array.seen
    update_each(
        formula, array.w[r : r + 1], seen, array.devices[r : r + 1], array.constants, array.nodes, array.noise,
        x, d, asked, trains.n, trains.shorten, trains.managed, 0.0, np.array([key], np.uint64), 0, column,
    )  # fmt: skip


@cache
def learn_vectors(formula: int) -> Callable[..., None]:
    """Return the compiled loop for arrays whose devices follow ``formula``.

    It takes the devices and the trains of fast and slow array, converters, buffer and chops; x [R, B, I] and
    d [R, B, O]; what each vector asks for, lr/granularity [R, B]; what its read is multiplied with [R, B]; period,
    vectors, column and sweeps so far; keys [R]; and what it changes beside the arrays: choppers [R, I], buffers, means
    and references [R, I, O], and which columns switched [R, I].
    """

    @njit(cache=True, nogil=True, error_model="numpy")
    def learn(  # type: ignore[no-untyped-def]
        fast, slow, trains, write, converters, buffer, chops, x, d, asked, gain, every, vectors, column, sweeps, keys,
        chopper, h, mean, past, switched,
    ):  # fmt: skip
        replicas, samples, width = x.shape
        rows = d.shape[2]
        chopped, n = np.empty((1, 1, width), np.float32), np.empty((1, 1, rows), np.float32)
        one, y, nothing = np.ones((1, 1, 1), np.float32), np.empty(rows, np.float32), np.zeros(rows, np.float32)
        for r in range(replicas):
            j, sweep = column, sweeps
            for b in range(samples):
                key = mix64(keys[r] + np.uint64(b) * GOLDEN)
                for i in range(width):
                    chopped[0, 0, i] = x[r, b, i] * chopper[r, i]
                pulse(formula, fast, r, chopped, d[r : r + 1, b : b + 1], asked[r, b], trains, key, 0)
                if (vectors + b + 1) % every != 0:
                    continue
                read_column(fast.seen[r] if len(fast.seen) else fast.w[r], j, converters, mix64(key + LINE), y)
                if chops.agad and switched[r, j]:
                    past[r, j] = mean[r, j]
                collect(h[r, j], y, past[r, j] if chops.agad else nothing, gain[r, b] * chopper[r, j], buffer, n[0, 0])
                if chops.agad:
                    for i in range(rows):
                        mean[r, j, i] += chops.beta * (y[i] - mean[r, j, i])
                if not chops.agad or sweep > chops.period:
                    for i in range(rows):
                        n[0, 0, i] = -n[0, 0, i]
                    pulse(formula, slow, r, one, n, 1.0, write, mix64(key + LINE * np.uint64(2)), j)
                flip = flips(mix64(key + LINE * np.uint64(3)), sweep, chops)
                if flip:
                    chopper[r, j] = -chopper[r, j]
                if chops.agad:
                    switched[r, j] = flip
                j += 1
                if j == width:
                    j, sweep = 0, sweep + 1

    compiled: Callable[..., Any] = learn
    return compiled
