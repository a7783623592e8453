"""DAC and ADC where the samples of a line lie side by side in memory, as the patches of a convolution do.

The same conversions as :mod:`.converters`, for x [I, N] and y [O, N] instead of x [N, I] and y [N, O]: the product of a
convolution then has the layout of the image, and every loop runs along it.

Axes: N sample (image patch), I input of the product, O output of the product.
"""

import numpy as np
from numba import njit

from analogcli.crossbar.kernels.hashing import as_float, hash32, key_pair, normal

TINY = np.float32(1.17549435e-38)


@njit(cache=True, nogil=True, error_model="numpy")
def encode_lines(x, scale, spread, key, first, total, form):  # type: ignore[no-untyped-def]
    """Turn ``x`` into DAC codes, for samples from ``first`` on of ``total``; write their scale and their outputs' std.

    ``form`` has the numbers that :func:`.converters.encode` and ``decode`` take; ``spread`` is in ADC steps.
    """
    managed, rounds, step, bound, inp_noise, w_noise = form[0] > 0, form[1] > 0, form[2], form[3], form[4], form[5]
    r_out, out_noise = form[7], form[10]
    n_lines, n = x.shape
    largest = np.zeros(n, np.int32)
    if managed:
        bits = x.view(np.int32)
        for i in range(n_lines):
            for s in range(n):
                largest[s] = max(largest[s], np.int32(bits[i, s] & np.int32(0x7FFFFFFF)))
    factor = np.empty(n, np.float32)
    for s in range(n):
        scale[s] = as_float(largest[s]) if managed else np.float32(1.0)
        if inp_noise > 0 and scale[s] == 0:
            scale[s] = np.float32(1.0)
        factor[s] = np.float32(1.0) / max(scale[s], TINY)
    inverse = np.float32(1.0) / step
    for i in range(n_lines):
        if rounds:
            for s in range(n):
                x[i, s] = min(max(np.rint(x[i, s] * factor[s] * inverse), -bound), bound)
        else:
            for s in range(n):
                x[i, s] = min(max(x[i, s] * factor[s] * inverse, -bound), bound)
    if inp_noise > 0:
        key_1, key_2 = key_pair(key)
        for i in range(n_lines):
            for s in range(n):
                x[i, s] += inp_noise * normal(hash32(i * total + first + s, key_1, key_2))
    spread[:] = out_noise * out_noise
    if w_noise > 0:
        weight = w_noise * w_noise * step * step
        for i in range(n_lines):
            for s in range(n):
                spread[s] += weight * x[i, s] * x[i, s]
    for s in range(n):
        spread[s] = np.sqrt(spread[s]) / r_out


@njit(cache=True, nogil=True, error_model="numpy")
def decode_lines(y, scale, spread, clips, key, first, total, form):  # type: ignore[no-untyped-def]
    """Turn products of DAC codes into read values, in place; ``clips`` tells which samples clip. Return if any does."""
    r_in, rounds, r_out, bound, limit = form[2], form[6] > 0, form[7], form[8], form[9]
    noisy = form[5] > 0 or form[10] > 0
    n_lines, n = y.shape
    key_1, key_2 = key_pair(~key)
    gain = r_in / r_out
    clips[:] = 0
    for o in range(n_lines):
        if noisy:
            place = np.uint32(o * total + first)
            for s in range(n):
                y[o, s] = y[o, s] * gain + spread[s] * normal(hash32(np.uint32(place + np.uint32(s)), key_1, key_2))
        else:
            for s in range(n):
                y[o, s] *= gain
        if rounds:
            for s in range(n):
                y[o, s] = np.rint(y[o, s])
        for s in range(n):
            clips[s] |= np.uint32(abs(y[o, s]) > limit)
            y[o, s] = min(max(y[o, s], -bound), bound) * (scale[s] * r_out)
    return clips.max() > 0
