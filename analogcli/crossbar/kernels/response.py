"""One pulse of one device, by the formula of its table (see :mod:`analogcli.crossbar.table`)."""

import numpy as np
from numba import njit

from analogcli.crossbar.table import EXP_STEP, EXPONENTIAL, LINEAR, POWER


@njit(cache=True, nogil=True)
def pulse(formula, constants, nodes, w, up, scale, slope, low, high):  # type: ignore[no-untyped-def]
    """Return the size of the noise-free pulse [weight units], ``scale`` and ``slope`` being those of its direction."""
    one = np.float32(1.0)
    if formula == LINEAR:
        return scale + slope * w
    if formula == POWER:
        distance = max((high - w if up else w - low) / (high - low), np.float32(0.0))
        # The papers' γ_res = 0.5 is common, and a root is many times faster than a power.
        return scale * (np.sqrt(distance) if slope == np.float32(0.5) else distance**slope)
    if formula == EXPONENTIAL:
        return scale * np.expm1(slope - slope * w / (high if up else low))
    if formula == EXP_STEP:
        z = constants[4] * w / (high - low) + constants[5]
        if up:
            return scale * max(one - constants[0] * np.exp(constants[1] * z), np.float32(0.0))
        return scale * max(one - constants[2] * np.exp(-constants[3] * z), np.float32(0.0))
    curve = nodes[0] if up else nodes[1]
    place = min(max((w - low) / (high - low), np.float32(0.0)), one) * np.float32(len(curve) - 1)
    cell = min(int(place), len(curve) - 2)
    return scale * (curve[cell] + (place - np.float32(cell)) * (curve[cell + 1] - curve[cell]))
