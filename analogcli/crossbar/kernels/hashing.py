"""Random numbers without a state: a hash of a key and of the place where the number is used.

Results then do not depend on the order of the loops or on the number of threads. ``mix64`` is the finish of splitmix64
(Steele, Lea and Flood 2014), ``hash32`` a two-round multiply-xorshift hash with a key in each round, in 32-bit
arithmetic so that a vector unit computes many at once. A normal number is one of 2,048 equally
likely quantiles: its distribution function is off by at most 1/4,096, and the tails end at 3.56.
"""

from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

NORMAL_NUMBERS = 2048
"""Few enough to stay in the first cache; two to the power of the bits that choose one."""
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
LINE = np.uint64(0xD1B54A32D192ED03)


def _quantiles() -> NDArray[np.float32]:
    """Return the mean of the normal distribution in each of 2,048 equally likely intervals, with the variance 1."""
    edges = torch.special.ndtri(torch.arange(NORMAL_NUMBERS + 1, dtype=torch.float64) / NORMAL_NUMBERS)
    density = torch.exp(-edges.square() / 2)
    mean = density[:-1] - density[1:]
    numbers: NDArray[np.float32] = (mean / mean.square().mean().sqrt()).to(torch.float32).numpy()
    return numbers


NORMAL = _quantiles()


def _popcount(typingctx, word):  # type: ignore[no-untyped-def]
    del typingctx, word

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, signature
        count = builder.module.declare_intrinsic("llvm.ctpop", [ir.IntType(32)])
        return builder.call(count, [args[0]])

    return types.uint32(types.uint32), codegen


popcount: Any = intrinsic(_popcount)
"""Returns the number of set bits of a 32-bit word."""


def _as_float(typingctx, word):  # type: ignore[no-untyped-def]
    del typingctx, word

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, signature
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


as_float: Any = intrinsic(_as_float)
"""Returns the 32-bit float that has these bits."""


@njit(cache=True, nogil=True, error_model="numpy")
def mix64(z):  # type: ignore[no-untyped-def]
    """Finish a 64-bit hash."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return a multiple of 2⁻⁵³ from 0 to below 1 for each of the keys."""
    numbers: NDArray[np.float64] = (mix64(keys) >> np.uint64(11)) * 2.0**-53
    return numbers


@njit(cache=True, nogil=True, error_model="numpy")
def hash32(place, key_1, key_2):  # type: ignore[no-untyped-def]
    """Return 32 random bits for a place under two 32-bit keys."""
    h = np.uint32(np.uint32(place) * np.uint32(0x9E3779B1) + key_1)
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x7FEB352D))
    h = np.uint32(h ^ (h >> np.uint32(15)) ^ key_2)
    h = np.uint32(h * np.uint32(0x846CA68B))
    return np.uint32(h ^ (h >> np.uint32(16)))


@njit(cache=True, nogil=True, error_model="numpy")
def normal(bits):  # type: ignore[no-untyped-def]
    """Return the normal number that 32 random bits choose."""
    return NORMAL[np.int32(bits >> np.uint32(21))]


@njit(cache=True, nogil=True, error_model="numpy")
def key_pair(key):  # type: ignore[no-untyped-def]
    """Split 64 hashed bits into the two keys of :func:`hash32`."""
    bits = mix64(key)
    return np.uint32(bits & np.uint64(0xFFFFFFFF)), np.uint32(bits >> np.uint64(32))


@njit(cache=True, nogil=True, error_model="numpy")
def fresh_keys(seeds, first, calls, groups):  # type: ignore[no-untyped-def]
    """Return a key for each of the ``groups`` arrays of every seed, for each of the calls from ``first`` on."""
    keys = np.empty((calls, len(seeds) * groups), np.uint64)
    for n in range(calls):
        for k in range(len(seeds) * groups):
            key = seeds[k // groups] + np.uint64(first + n) * GOLDEN
            keys[n, k] = mix64(key + np.uint64(k % groups) * LINE)
    return keys


@njit(cache=True, nogil=True, error_model="numpy")
def fill_normal(xi, keys):  # type: ignore[no-untyped-def]
    """Fill the arrays ``xi`` [R, N] with standard normal numbers, each array by its own key."""
    for r in range(len(xi)):
        key_1, key_2 = key_pair(keys[r])
        for n in range(xi.shape[1]):
            xi[r, n] = normal(hash32(n, key_1, key_2))


@njit(cache=True, nogil=True, error_model="numpy")
def fill_uniform(u, keys):  # type: ignore[no-untyped-def]
    """Fill the arrays ``u`` [R, N] with multiples of 2⁻²⁴ from 0 to below 1, each array by its own key."""
    for r in range(len(u)):
        key_1, key_2 = key_pair(keys[r])
        for n in range(u.shape[1]):
            u[r, n] = np.float32(hash32(n, key_1, key_2) >> np.uint32(8)) * np.float32(2.0**-24)
