"""A whole small read in one compiled loop: DAC, product and ADC of a few samples, where calling a BLAS costs as much.

The weights pass through the cache once for all samples, forwards as rows for scalar products, backwards as rows that
are added up. Same conversions as :mod:`.converters`.

Axes: R replica, B sample, O out (row of the weights), I in (column).
"""

import numpy as np
from numba import njit

from analogcli.crossbar.kernels.converters import decode, encode


@njit(cache=True, nogil=True, error_model="numpy")
def read_small(x, w, y, clipped, keys, form):  # type: ignore[no-untyped-def]
    """Write y [R·B, O] = W x, and which samples clip; return if any does."""
    samples = len(x) // len(w)
    codes, scale, norm = np.empty_like(x), np.empty(len(x), np.float32), np.empty(len(x), np.float32)
    encode(x, codes, scale, norm, keys, form, 0, len(x))
    for r in range(len(w)):
        _rows_times(codes[r * samples : (r + 1) * samples], w[r], y[r * samples : (r + 1) * samples])
    return decode(y, scale, norm, clipped, keys, form, 0, len(x))


@njit(cache=True, nogil=True, error_model="numpy")
def read_small_back(d, w, x, clipped, keys, form):  # type: ignore[no-untyped-def]
    """Write x [R·B, I] = Wᵀ d, and which samples clip; return if any does."""
    samples = len(d) // len(w)
    codes, scale, norm = np.empty_like(d), np.empty(len(d), np.float32), np.empty(len(d), np.float32)
    encode(d, codes, scale, norm, keys, form, 0, len(d))
    x[:] = 0
    for r in range(len(w)):
        _add_rows(codes[r * samples : (r + 1) * samples], w[r], x[r * samples : (r + 1) * samples])
    return decode(x, scale, norm, clipped, keys, form, 0, len(d))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _rows_times(x, w, y):  # type: ignore[no-untyped-def]
    """Write y [B, O] = x wᵀ, five samples at a time for each row of the weights."""
    samples, n_in = x.shape
    for o in range(len(w)):
        for b in range(0, samples - 4, 5):
            y_0 = y_1 = y_2 = y_3 = y_4 = np.float32(0.0)
            for i in range(n_in):
                v = w[o, i]
                y_0 += v * x[b, i]
                y_1 += v * x[b + 1, i]
                y_2 += v * x[b + 2, i]
                y_3 += v * x[b + 3, i]
                y_4 += v * x[b + 4, i]
            y[b, o], y[b + 1, o], y[b + 2, o], y[b + 3, o], y[b + 4, o] = y_0, y_1, y_2, y_3, y_4
        for b in range(samples - samples % 5, samples):
            total = np.float32(0.0)
            for i in range(n_in):
                total += w[o, i] * x[b, i]
            y[b, o] = total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _add_rows(d, w, x):  # type: ignore[no-untyped-def]
    """Add d w to x [B, I], four rows of the weights at a time."""
    samples, n_in, n_out = len(d), w.shape[1], len(w)
    for o in range(0, n_out - 3, 4):
        for b in range(samples):
            d_0, d_1, d_2, d_3 = d[b, o], d[b, o + 1], d[b, o + 2], d[b, o + 3]
            for i in range(n_in):
                x[b, i] += d_0 * w[o, i] + d_1 * w[o + 1, i] + d_2 * w[o + 2, i] + d_3 * w[o + 3, i]
    for o in range(n_out - n_out % 4, n_out):
        for b in range(samples):
            for i in range(n_in):
                x[b, i] += d[b, o] * w[o, i]
