"""DAC and ADC as compiled loops, before and after the matrix product (see :mod:`analogcli.crossbar.periphery`).

Axes: R replica, B sample (or image patch), I input of the product, O output of the product.
"""

import numpy as np
from numba import njit

from analogcli.crossbar.kernels.hashing import as_float, hash32, key_pair, normal


@njit(cache=True, nogil=True, error_model="numpy")
def encode(x, codes, scale, norm, keys, form, first, last):  # type: ignore[no-untyped-def]
    """Write DAC codes of the samples ``first`` to ``last``, their scale s, and ‖v‖ where there is weight noise.

    Samples of all replicas follow one another, as many for each of the ``keys``; ``form`` has the numbers that are read
    from it below, in this order.
    """
    managed, rounds, step, bound, inp_noise, w_noise = form[0] > 0, form[1] > 0, form[2], form[3], form[4], form[5]
    n, samples = x.shape[1], len(x) // len(keys)
    for b in range(first, last):
        s = _largest(x[b]) if managed else np.float32(1.0)
        if s == 0 and inp_noise > 0:
            s = np.float32(1.0)
        scale[b] = s
        _quantise(x[b], codes[b], np.float32(1.0) / max(s, np.float32(1.17549435e-38)), step, bound, rounds)
        if inp_noise > 0:
            key_1, key_2 = key_pair(keys[b // samples])
            for i in range(n):
                codes[b, i] += inp_noise * normal(hash32(b % samples * n + i, key_1, key_2))
        if w_noise > 0:
            total = np.float32(0.0)
            for i in range(n):
                total += codes[b, i] * codes[b, i]
            norm[b] = np.sqrt(total) * step


@njit(cache=True, nogil=True, error_model="numpy")
def _largest(x):  # type: ignore[no-untyped-def]
    """Return max|x|; as integers, so that a vector unit does it, and what is not a number stays so."""
    bits = x.view(np.int32)
    largest = np.int32(0)
    for i in range(len(bits)):
        largest = max(largest, np.int32(bits[i] & np.int32(0x7FFFFFFF)))
    return as_float(largest)


@njit(cache=True, nogil=True, error_model="numpy")
def _quantise(x, codes, factor, step, bound, rounds):  # type: ignore[no-untyped-def]
    inverse = np.float32(1.0) / step
    if rounds:
        for i in range(len(x)):
            codes[i] = min(max(np.rint(x[i] * factor * inverse), -bound), bound)
    else:
        for i in range(len(x)):
            codes[i] = min(max(x[i] * factor * inverse, -bound), bound)


@njit(cache=True, nogil=True, error_model="numpy")
def decode(y, scale, norm, clipped, keys, form, first, last):  # type: ignore[no-untyped-def]
    """Turn products of DAC codes into read values of the samples ``first`` to ``last``; return if any output clips."""
    r_in, w_noise, rounds, r_out = form[2], form[5], form[6] > 0, form[7]
    bound, limit, out_noise = form[8], form[9], form[10]
    any_clips, samples = False, len(y) // len(keys)
    for b in range(first, last):
        # Not the keys of the inputs' noise.
        key_1, key_2 = key_pair(~keys[b // samples])
        spread = np.sqrt(out_noise * out_noise + w_noise * w_noise * norm[b] * norm[b]) if w_noise > 0 else out_noise
        place = np.uint32(b % samples * y.shape[1])
        gain, back = r_in / r_out, scale[b] * r_out
        clipped[b] = _convert(y[b], key_1, key_2, place, gain, spread / r_out, bound, limit, rounds, back)
        any_clips |= clipped[b]
    return any_clips


@njit(cache=True, nogil=True, error_model="numpy")
def _convert(y, key_1, key_2, place, gain, spread, bound, limit, rounds, back):  # type: ignore[no-untyped-def]
    clips = np.uint32(0)
    for o in range(len(y)):
        code = y[o] * gain
        if spread > 0:
            code += spread * normal(hash32(np.uint32(place + np.uint32(o)), key_1, key_2))
        if rounds:
            code = np.rint(code)
        clips |= np.uint32(abs(code) > limit)
        y[o] = min(max(code, -bound), bound) * back
    return clips != 0
