"""One pulse of one device, by the formula of its table (see :mod:`analogcli.crossbar.table`).

Each formula is a function of its own and the loops are compiled once for each: a choice within the loops would cost
more than the pulse. ``scale`` and ``slope`` are those of the pulse's direction; the size is in weight units.

A loop gets its formula as a constant number and not as one of the functions: what Numba keeps on disk of a function
that closes over a compiled one is never found again.
"""

import numpy as np
from numba import njit

from analogcli.crossbar.table import EXP_STEP, EXPONENTIAL, PIECEWISE, POWER


@njit(cache=True, nogil=True, error_model="numpy")
def linear(constants, nodes, w, up, scale, slope, low, high):  # type: ignore[no-untyped-def]
    """Return scale + slope w."""
    return scale + slope * w


@njit(cache=True, nogil=True, error_model="numpy")
def power(constants, nodes, w, up, scale, slope, low, high):  # type: ignore[no-untyped-def]
    """Return scale (distance to the bound/range)^slope."""
    distance = max((high - w if up else w - low) / (high - low), np.float32(0.0))
    # The papers' γ_res = 0.5 is common, and a root is many times faster than a power.
    return scale * (np.sqrt(distance) if slope == np.float32(0.5) else distance**slope)


@njit(cache=True, nogil=True, error_model="numpy")
def exponential(constants, nodes, w, up, scale, slope, low, high):  # type: ignore[no-untyped-def]
    """Return scale (exp(slope (1 − w/bound)) − 1)."""
    return scale * np.expm1(slope - slope * w / (high if up else low))


@njit(cache=True, nogil=True, error_model="numpy")
def exp_step(constants, nodes, w, up, scale, slope, low, high):  # type: ignore[no-untyped-def]
    """Return scale max(1 − A exp(±γ z), 0)."""
    z = constants[4] * w / (high - low) + constants[5]
    decline = constants[0] * np.exp(constants[1] * z) if up else constants[2] * np.exp(-constants[3] * z)
    return scale * max(np.float32(1.0) - decline, np.float32(0.0))


@njit(cache=True, nogil=True, error_model="numpy")
def piecewise(constants, nodes, w, up, scale, slope, low, high):  # type: ignore[no-untyped-def]
    """Return scale times the curve through the nodes."""
    curve = nodes[0] if up else nodes[1]
    place = min(max((w - low) / (high - low), np.float32(0.0)), np.float32(1.0)) * np.float32(len(curve) - 1)
    cell = min(int(place), len(curve) - 2)
    return scale * (curve[cell] + (place - np.float32(cell)) * (curve[cell + 1] - curve[cell]))


@njit(cache=True, nogil=True, error_model="numpy")
def linear_train(w, up, down, up_0, up_1, down_0, down_1, noise_up, noise_down, sigma, xi):  # type: ignore[no-untyped-def]
    """Return the weight after ``up`` and ``down`` linear pulses in random order, in one step.

    Each pulse is affine in w, so that the factor on w does not depend on the order; the offset is averaged over it::

        z = n₊ ln(1 + k₊) + n₋ ln(1 − k₋)     φ(z) = (e^z − 1)/z     w' = w + φ(z) (z w + n₊ a₊' − n₋ a₋')

    with a' = a ln(1 ± k)/(±k), which makes pulses of one direction exact. Series are cut after the third order in k and
    the fourth in z, |z| ≤ 0.2.
    """
    half, third, quarter = np.float32(0.5), np.float32(1 / 3), np.float32(0.25)
    one = np.float32(1.0)
    k_up, k_down = up_1, -down_1
    ratio_up = one - k_up * (half - k_up * (third - k_up * quarter))
    ratio_down = one - k_down * (half - k_down * (third - k_down * quarter))
    z = up * k_up * ratio_up + down * k_down * ratio_down
    phi = one + z * half * (one + z * third * (one + z * quarter))
    after = w + phi * (z * w + up * up_0 * ratio_up - down * down_0 * ratio_down)
    # Pulse m of n meets the weight after m − 1 of them, and what it adds decays in the n − m that follow.
    others = max(up + down - one, np.float32(0.0)) / max(up + down, one)
    middle = w + half * others * (after - w)
    spread_up = noise_up + sigma * (up_0 + up_1 * middle)
    spread_down = noise_down + sigma * (down_0 + down_1 * middle)
    variance = up * spread_up * spread_up + down * spread_down * spread_down
    return after + xi * np.sqrt(variance * (one + others * z))


@njit(inline="always")
def pulse(formula, constants, nodes, w, up, scale, slope, low, high):  # type: ignore[no-untyped-def]
    """Return the size by ``formula``; where that is a constant, one call is left of all these."""
    if formula == POWER:
        return power(constants, nodes, w, up, scale, slope, low, high)
    if formula == EXPONENTIAL:
        return exponential(constants, nodes, w, up, scale, slope, low, high)
    if formula == EXP_STEP:
        return exp_step(constants, nodes, w, up, scale, slope, low, high)
    if formula == PIECEWISE:
        return piecewise(constants, nodes, w, up, scale, slope, low, high)
    return linear(constants, nodes, w, up, scale, slope, low, high)
