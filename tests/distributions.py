"""Comparing two samples of many numbers at once: means by z, spreads by z, whole distributions by Kolmogorov-Smirnov.

For equal laws and 48 numbers with Gaussian tails, a bound of 4.5 on z is passed in all but 3 of 10,000 cases; the KS
bound is that of the 1e-3 line, widened by a quarter for the largest of some 50 correlated numbers.

Axes: N repeat, E number.
"""

from typing import NamedTuple

import torch
from scipy.stats import ks_2samp
from torch import Tensor

LARGEST_Z = 4.5
LARGEST_KS = 1.25
LONG_TAILS = 8.0
"""Kurtosis above which a standard deviation from a few hundred repeats has no known error."""
ROUNDING = 1e-5
"""What is equal but for the rounding of 32-bit numbers becomes equal when it is rounded to this, relative to 1."""


class Distance(NamedTuple):
    """How far two samples [N, …] are apart, at the number where they are farthest."""

    z: float
    """Largest |z| of the difference of the means."""
    spread_z: float
    """Largest |z| of the logarithm of the ratio of the spreads."""
    ks: float
    """Largest two-sample KS distance, in units of the 1e-3 line of one comparison."""


def distance(a: Tensor, b: Tensor) -> Distance:
    """Compare samples [N, …] and [M, …] number by number.

    Means are compared where at least one repeat in twenty moves away from the median on both sides: what happens more
    rarely is not normal; spreads where there are no long tails either. The KS distance is that of all numbers, also of
    those that never move: there it is large unless they are equal.
    """
    a_NE, b_NE = a.flatten(1).double(), b.flatten(1).double()
    quantum = ROUNDING * max(float(a_NE.abs().max()), 1.0)
    # Counted from the median, so that no value that occurs often lies between two steps of the rounding.
    centre_E = a_NE.median(0).values
    a_NE, b_NE = ((v_NE - centre_E).div(quantum).round() for v_NE in (a_NE, b_NE))
    line = 1.95 * (1 / len(a_NE) + 1 / len(b_NE)) ** 0.5
    # Only the statistic counts; exact p values would take most of the time.
    pairs = zip(a_NE.T.numpy(), b_NE.T.numpy(), strict=True)
    ks = max(ks_2samp(p, q, method="asymp").statistic for p, q in pairs) / line
    moves = (_moving(a_NE) > 0.05) & (_moving(b_NE) > 0.05)
    if not moves.any():
        return Distance(0.0, 0.0, float(ks))
    a_NE, b_NE = a_NE[:, moves], b_NE[:, moves]
    error = (a_NE.var(0) / len(a_NE) + b_NE.var(0) / len(b_NE)).sqrt()
    z_E = (a_NE.mean(0) - b_NE.mean(0)).abs() / error
    tails_E = torch.maximum(_kurtosis(a_NE), _kurtosis(b_NE))
    spread_error = ((tails_E - 1).clamp_min(0.5) / 4 * (1 / len(a_NE) + 1 / len(b_NE))).sqrt()
    spread_E = ((a_NE.std(0) / b_NE.std(0)).log().abs() / spread_error)[tails_E < LONG_TAILS]
    return Distance(float(z_E.max()), max(spread_E.tolist(), default=0.0), float(ks))


def assert_equal_in_law(a: Tensor, b: Tensor) -> None:
    """Assert that two samples [N, …] may come from one distribution."""
    found = distance(a, b)
    assert found.z < LARGEST_Z, found
    assert found.spread_z < LARGEST_Z, found
    assert found.ks < LARGEST_KS, found


def _moving(a_NE: Tensor) -> Tensor:
    """Return the part of the repeats that differ from the median."""
    return (a_NE != a_NE.median(0).values).double().mean(0)


def _kurtosis(a_NE: Tensor) -> Tensor:
    deviation_NE = a_NE - a_NE.mean(0)
    return deviation_NE.pow(4).mean(0) / deviation_NE.square().mean(0).square()
