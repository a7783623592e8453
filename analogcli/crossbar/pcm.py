"""Weights on pairs of phase-change devices: programming noise, drift, and a read noise that grows with time.

::

    g± = g_max max(±w/max|w|, 0)                      a pair of devices for every weight, one of them at 0      [µS]
    programmed    g ← max(g + s_p (0.26348 + 1.9650 u − 1.1731 u²) (g_max/25) ξ, 0),   u = g/g_max
    drift         g(t) = g ((t + t_0)/t_0)^−ν,   ν = s_ν |μ(u) + σ(u) ξ|     u the target, ν drawn when programmed
                  μ = −0.0155 ln u + 0.0244 in [0.049, 0.1],   σ = −0.0125 ln u − 0.0059 in [0.008, 0.045]
    read noise    g ← max(g(t) (1 + s_r q √ln((t + t_0 + t_read)/(2 t_read)) ξ), 0),   q = min(0.0088/u^0.65, 0.2)
    w = (g₊ − g₋) max|w|/g_max

t counts from the end of programming. Read noise is drawn anew for every time: a time is a look at the array, not a step
from the one before.

Source: Nandakumar et al., ICECS 2019 (fits to a million devices); formulas and constants as in AIHWKit's documentation.
AIHWKit twin: ``PCMLikeNoiseModel`` with ``SinglePairConductanceConverter``. AIHWKit takes the programmed weight apart
into a pair anew at every time, one device of it at 0; here both devices of a pair keep what was programmed, so that the
one that was meant to be at 0 drifts and is noisy too.

Axes: P device of a pair, R replica, O out, I in.
"""

from dataclasses import dataclass
from math import log, sqrt

import torch
from torch import Tensor

from analogcli.crossbar.randomness import Randomness
from analogcli.spec import PcmInference

PROGRAMMING = (0.26348, 1.9650, -1.1731)
"""Coefficients of the programming noise in u, from the constant on [µS at the g_max below]."""
DRIFT_MEAN, DRIFT_STD = (-0.0155, 0.0244), (-0.0125, -0.0059)
"""Slopes in ln u, and values at u = 1, of mean and spread of the drift coefficient."""
READ = 0.0088
"""Read noise at u = 1, relative to the conductance."""
REFERENCE_G_MAX = 25.0
"""g_max of the devices that were measured [µS]."""
SMALLEST = 1e-7
"""Smallest relative conductance, and smallest largest weight, that is divided by."""


def programming_noise(g: Tensor, settings: PcmInference) -> Tensor:
    """Return the standard deviation of the conductance after programming to ``g`` [µS]."""
    u = g / settings.g_max
    c0, c1, c2 = PROGRAMMING
    return settings.prog_noise_scale * settings.g_max / REFERENCE_G_MAX * (c0 + c1 * u + c2 * u.square())


def drift_coefficients(g: Tensor, settings: PcmInference) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of ν, before its absolute value is taken, for the target ``g`` [µS]."""
    log_u = (g / settings.g_max).clamp_min(SMALLEST).log()
    mean, std = (slope * log_u + at_g_max for slope, at_g_max in (DRIFT_MEAN, DRIFT_STD))
    return mean.clamp(0.049, 0.1), std.clamp(0.008, 0.045)


def read_noise(g: Tensor, seconds: float, settings: PcmInference) -> Tensor:
    """Return the standard deviation of a read after ``seconds``, relative to the drifted conductance.

    ``g`` is the programmed conductance [µS].
    """
    q = (READ / (g / settings.g_max).pow(0.65).clamp_min(1e-3)).clamp_max(0.2)
    since = seconds + settings.t_0
    return settings.read_noise_scale * q * sqrt(log((since + settings.t_read) / (2 * settings.t_read)))


@dataclass(frozen=True, eq=False)
class PcmPairs:
    """Programmed pairs of devices of R arrays."""

    settings: PcmInference
    g_PROI: Tensor
    """Conductance after programming [µS]."""
    nu_PROI: Tensor
    """Drift coefficients."""
    unit_R11: Tensor
    """Weight of 1 µS [weight units]."""

    @classmethod
    def program(cls, w_ROI: Tensor, settings: PcmInference, randomness: Randomness) -> "PcmPairs":
        """Write weights onto new devices."""
        largest_R11 = w_ROI.abs().amax((1, 2), keepdim=True).clamp_min(SMALLEST)
        target_ROI = w_ROI * (settings.g_max / largest_R11)
        g_PROI = torch.stack([target_ROI, -target_ROI]).clamp_(0, settings.g_max)
        mean_PROI, std_PROI = drift_coefficients(g_PROI, settings)
        nu_PROI = settings.drift_scale * (mean_PROI + std_PROI * _normal(g_PROI, randomness)).abs()
        noise_PROI = programming_noise(g_PROI, settings) * _normal(g_PROI, randomness)
        return cls(settings, (g_PROI + noise_PROI).clamp_min_(0), nu_PROI, largest_R11 / settings.g_max)

    def programmed(self) -> Tensor:
        """Return the weights [R, O, I] as they were programmed, before any drift and without read noise."""
        return (self.g_PROI[0] - self.g_PROI[1]) * self.unit_R11

    def at(self, seconds: float, randomness: Randomness) -> Tensor:
        """Return the weights [R, O, I] as they are seen ``seconds`` after programming."""
        drifted_PROI = self.g_PROI * (1 + seconds / self.settings.t_0) ** -self.nu_PROI
        noise_PROI = read_noise(self.g_PROI, seconds, self.settings) * _normal(self.g_PROI, randomness)
        seen_PROI = (drifted_PROI * (1 + noise_PROI)).clamp_min_(0)
        return (seen_PROI[0] - seen_PROI[1]) * self.unit_R11


def _normal(g_PROI: Tensor, randomness: Randomness) -> Tensor:
    pairs, r, o, i = g_PROI.shape
    return torch.stack([randomness.normal((r, o, i)) for _ in range(pairs)])
