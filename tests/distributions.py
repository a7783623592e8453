"""Comparing two samples of many numbers at once: means by z, spreads by z, whole distributions by Kolmogorov-Smirnov.

For equal laws and 48 numbers with Gaussian tails, a bound of 4.5 on z is passed in all but 3 of 10,000 cases; the KS
bound is that of the 1e-3 line, widened by a quarter for the largest of some 50 correlated numbers.
"""

from typing import NamedTuple

import torch
from scipy.stats import ks_2samp
from torch import Tensor

LARGEST_Z = 4.5


class Distance(NamedTuple):
    """How far two samples [N, …] are apart, at the number where they are farthest."""

    z: float
    """Largest |z| of the difference of the means."""
    spread_z: float
    """Largest |z| of the logarithm of the ratio of the spreads."""
    ks: float
    """Largest two-sample KS distance, in units of its bound."""


def distance(a: Tensor, b: Tensor) -> Distance:
    """Compare samples [N, …] and [M, …] number by number; what does not vary in either has to be equal."""
    a, b = a.flatten(1), b.flatten(1)
    still = (a.std(0) < 1e-6) & (b.std(0) < 1e-6)
    torch.testing.assert_close(a.mean(0)[still], b.mean(0)[still], atol=1e-6, rtol=0)
    a, b = a[:, ~still], b[:, ~still]
    error = (a.var(0) / len(a) + b.var(0) / len(b)).sqrt().clamp_min(1e-7)
    z = ((a.mean(0) - b.mean(0)).abs() / error).max()
    spread_error = (_log_std_error(a) ** 2 + _log_std_error(b) ** 2).sqrt()
    spread_z = ((a.std(0) / b.std(0)).log().abs() / spread_error).max()
    bound = 1.95 * (1 / len(a) + 1 / len(b)) ** 0.5 * 1.25
    ks = max(ks_2samp(p, q).statistic for p, q in zip(a.T.numpy(), b.T.numpy(), strict=True)) / bound
    return Distance(float(z), float(spread_z), float(ks))


def assert_equal_in_law(a: Tensor, b: Tensor) -> None:
    """Assert that two samples [N, …] may come from one distribution."""
    found = distance(a, b)
    assert found.z < LARGEST_Z, found
    assert found.spread_z < LARGEST_Z, found
    assert found.ks < 1, found


def _log_std_error(a: Tensor) -> Tensor:
    """Standard error of ln std; weights that are clipped at a bound have tails, and with them larger errors."""
    deviation = a - a.mean(0)
    kurtosis = deviation.pow(4).mean(0) / deviation.square().mean(0).square()
    return ((kurtosis - 1) / (4 * len(a))).sqrt()
