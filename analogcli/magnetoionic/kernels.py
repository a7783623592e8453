"""One step of learning of pairs as loops over the weights, for the two built-in laws on the CPU.

The same as :func:`analogcli.magnetoionic.pairs.learn`, in one pass over memory (under the exponential law in three, the
exponential in the middle is torch's) instead of a dozen; they leave w₂ − w₁ where the products read it. No loop has a
branch, so that all run in vectors.

Axes: N weights of one layer of one model.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def learn_linear(w1, w2, w, g, v1, v2, lr, clipping, varied, slope, start, stop):  # type: ignore[no-untyped-def]
    """Change pairs [N] under w ← w − slope·u; ``v1`` and ``v2`` are read only if ``varied``."""
    zero = np.float32(0.0)
    for n in range(g.size):
        second = g[n] > zero
        u = abs(g[n]) * lr
        if varied:
            u *= v2[n] if second else v1[n]
        fall = slope * (u if u >= clipping else zero)
        a = w1[n] - (zero if second else fall)
        b = w2[n] - (fall if second else zero)
        w1[n], w2[n] = _within_rails(a, b, start, stop)
        w[n] = w2[n] - w1[n]


@njit(cache=True, nogil=True, error_model="numpy")
def exponents(y, g, v1, v2, lr, clipping, varied, decay):  # type: ignore[no-untyped-def]
    """Write −u/decay of every pair into ``y``; ``v1`` and ``v2`` are read only if ``varied``."""
    zero, rate = np.float32(0.0), np.float32(-1.0) / decay
    for n in range(g.size):
        u = abs(g[n]) * lr
        if varied:
            u *= v2[n] if g[n] > zero else v1[n]
        y[n] = rate * (u if u >= clipping else zero)


@njit(cache=True, nogil=True, error_model="numpy")
def learn_exponential(w1, w2, w, g, left, asymptote, start, stop):  # type: ignore[no-untyped-def]
    """Change pairs [N] under w ← asymptote + (w − asymptote)·left, where left = exp(−u/decay)."""
    zero = np.float32(0.0)
    for n in range(g.size):
        second = g[n] > zero
        a, b = w1[n], w2[n]
        # left − 1 is exactly 0 where nothing moves, and then the state keeps its bits.
        fall = ((b if second else a) - asymptote) * (left[n] - np.float32(1.0))
        a += zero if second else fall
        b += fall if second else zero
        w1[n], w2[n] = _within_rails(a, b, start, stop)
        w[n] = w2[n] - w1[n]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _within_rails(a, b, start, stop):  # type: ignore[no-untyped-def]
    """Return both devices after a reset where one is at its rail; what is beyond the rail is lost."""
    both = start + stop
    a, b = max(a, stop), max(b, stop)
    at_rail = a <= stop
    a, b = (both - b if at_rail else a), (start if at_rail else b)
    at_rail = b <= stop
    return (start if at_rail else a), (both - a if at_rail else b)
