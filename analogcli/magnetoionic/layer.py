"""One layer of pairs for R models, with the normalisation behind it; it learns in the way that is fastest where it is.

::

    V = I (w₂ − w₁)ᵀ + N(0, σ_v),   I = input_scale · x                      forward
    ∂L/∂w = ∂L/∂Vᵀ I                exact currents                           gradient of the weights
    ∂L/∂I = ∂L/∂V ((w₂ + ε₂) − (w₁ + ε₁)),   ε ~ N(0, σ_r) afresh            error for the layer before

The two ε are drawn as one of √2 σ_r, which is the same. BatchNorm has no scale and shift of its own.

Source: as :mod:`.laws`. Axes: R replica, B batch, O out, I in.
"""

import math
from collections.abc import Sequence
from copy import copy
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from analogcli.crossbar import Randomness
from analogcli.crossbar.kernels.threads import share
from analogcli.generators import stream
from analogcli.magnetoionic import kernels
from analogcli.magnetoionic.laws import DeviceLaw, ExponentialLaw, LinearLaw
from analogcli.magnetoionic.pairs import initial_pairs, learn, response_factors
from analogcli.spec import DoubleDevice

COMPILED = (LinearLaw, ExponentialLaw)
EPS = 1e-5
"""BatchNorm's: far above the variance of the first voltages, so that the normalisation begins as a constant gain."""


class PairLayer:
    """Layers [O, I] of R models, of one shape and noise; laws may differ."""

    def __init__(
        self,
        place: int,
        shape_OI: tuple[int, int],
        specs: Sequence[DoubleDevice],
        laws: Sequence[DeviceLaw],
        seeds: Sequence[int],
        momentum: float,
        noise: Randomness,
    ) -> None:
        """Draw the initial states of the models with these seeds; ``place`` tells the layers of a network apart."""
        self.spec, self.laws, self.noise, self.momentum = specs[0], laws, noise, momentum
        self.seeds, self.place, self.shape_OI = seeds, place, shape_OI
        on = noise.device
        pairs = [
            initial_pairs(law, spec.init, shape_OI, stream(seed, f"init/{place}"))
            for spec, law, seed in zip(specs, laws, seeds, strict=True)
        ]
        self.w1_ROI, self.w2_ROI = (torch.stack([pair[i] for pair in pairs]).to(on) for i in (0, 1))
        self.w_ROI = self.w2_ROI - self.w1_ROI
        self.v_2ROI: Tensor | None = None
        if self.spec.var and self.spec.var_drawn == "once":
            self.v_2ROI = self._factors("variability")
        self.g_ROI = torch.zeros_like(self.w_ROI)
        self.mean_RO = torch.zeros(self.w_ROI.shape[:2], device=on)
        self.var_RO = torch.ones(self.w_ROI.shape[:2], device=on)
        self.clipping_R = torch.tensor([spec.clipping for spec in specs], device=on)
        self.gain_R11: Tensor | None = None
        """Factor on the currents, None while it is 1."""
        self._compiled = on.type == "cpu"

    def forward(self, h_RBI: Tensor) -> Tensor:
        """Return the voltages [R, B, O]."""
        w_ROI, scale = self._read(always=False), self.spec.input_scale
        w_ROI = w_ROI if self.gain_R11 is None else w_ROI * self.gain_R11
        if not self.spec.sigma_v:
            return torch.bmm(h_RBI, w_ROI.mT).mul_(scale)
        xi_RBO = self.noise.normal((*h_RBI.shape[:2], self.shape_OI[0]))
        return torch.baddbmm(xi_RBO, h_RBI, w_ROI.mT, beta=self.spec.sigma_v, alpha=scale)

    def backward(self, d_RBO: Tensor, h_RBI: Tensor, *, further: bool) -> Tensor | None:
        """Keep the gradient of the weights; return that of the inputs if the error goes ``further``."""
        torch.bmm(d_RBO.mT, h_RBI, out=self.g_ROI)
        return torch.bmm(d_RBO, self._read(always=True)).mul_(self.spec.input_scale) if further else None

    def normalise(self, voltage_RBO: Tensor) -> tuple[Tensor, Tensor]:
        """Return voltages normalised over the mini-batch (in place) and 1/std [R, 1, O]; follow the statistics."""
        n = voltage_RBO.shape[1]
        mean_R1O = voltage_RBO.mean(1, keepdim=True)
        voltage_RBO.sub_(mean_R1O)
        var_R1O = torch.linalg.vecdot(voltage_RBO, voltage_RBO, dim=1).unsqueeze(1).div_(n)
        self.mean_RO.lerp_(mean_R1O.squeeze(1), self.momentum)
        self.var_RO.lerp_(var_R1O.squeeze(1) * (n / max(n - 1, 1)), self.momentum)
        scale_R1O = var_R1O.add_(EPS).rsqrt_()
        return voltage_RBO.mul_(scale_R1O), scale_R1O

    def normalise_as_learnt(self, voltage_RBO: Tensor) -> Tensor:
        """Return voltages normalised with the statistics followed in training (in place)."""
        return voltage_RBO.sub_(self.mean_RO.unsqueeze(1)).mul_((self.var_RO + EPS).rsqrt_().unsqueeze(1))

    def learn(self, lr_R: Tensor) -> None:
        """Change the pairs by the gradient that is kept; ``lr_R`` [pulses per gradient], on the layer's device."""
        lr_R = lr_R * self.spec.input_scale
        v_2ROI = self.v_2ROI
        if self.spec.var and v_2ROI is None:
            xi_ROI = [self.noise.normal((len(self.laws), *self.shape_OI)) for _ in range(2)]
            v_2ROI = torch.stack(xi_ROI).mul_(self.spec.var).add_(1).abs_()
        if self._compiled and all(type(law) in COMPILED for law in self.laws):
            share(self._learn_compiled, len(self.laws), self.w_ROI.numel(), lr_R.tolist(), v_2ROI)
            return
        for first, count in _runs(self.laws):
            part = slice(first, first + count)
            v_2RN = None if v_2ROI is None else v_2ROI[:, part]
            w1_RN, w2_RN = self.w1_ROI[part], self.w2_ROI[part]
            learn(w1_RN, w2_RN, self.g_ROI[part], lr_R[part], self.clipping_R[part], v_2RN, self.laws[first])
        torch.sub(self.w2_ROI, self.w1_ROI, out=self.w_ROI)

    def under(self, laws: Sequence[DeviceLaw], noise: Randomness) -> "PairLayer":
        """Return the layers with the same pulses under other laws, and with currents scaled to the other range."""
        other = copy(self)
        other.laws, other.noise = laws, noise
        other.w1_ROI, other.w2_ROI = (self._under(laws, w_ROI) for w_ROI in (self.w1_ROI, self.w2_ROI))
        other.w_ROI = other.w2_ROI - other.w1_ROI
        gains = [old.span / new.span for old, new in zip(self.laws, laws, strict=True)]
        other.gain_R11 = torch.tensor(gains, device=noise.device).view(-1, 1, 1)
        return other

    def _under(self, laws: Sequence[DeviceLaw], w_ROI: Tensor) -> Tensor:
        # In double precision: f⁻¹ of the exponential law is steep near its asymptote.
        states = [new.f(old.f_inv(w.double())) for old, new, w in zip(self.laws, laws, w_ROI, strict=True)]
        return torch.stack(states).to(w_ROI.dtype)

    def _learn_compiled(self, lr: list[float], v_2ROI: Tensor | None, begin: int, end: int) -> None:
        f = np.float32
        left_N = torch.empty(math.prod(self.shape_OI))
        for r in range(begin, end):
            law = self.laws[r]
            w1, w2, w, g = (t[r].view(-1).numpy() for t in (self.w1_ROI, self.w2_ROI, self.w_ROI, self.g_ROI))
            v1, v2 = (g, g) if v_2ROI is None else (v.view(-1).numpy() for v in v_2ROI[:, r])
            how = v1, v2, f(lr[r]), f(self.clipping_R[r]), v_2ROI is not None
            rails = f(law.start), f(law.stop)
            if isinstance(law, LinearLaw):
                kernels.learn_linear(w1, w2, w, g, *how, f(law.slope), *rails)
            elif isinstance(law, ExponentialLaw):
                kernels.exponents(left_N.numpy(), g, *how, f(law.decay))
                left_N.exp_()
                kernels.learn_exponential(w1, w2, w, g, left_N.numpy(), f(law.asymptote), *rails)

    def _read(self, *, always: bool) -> Tensor:
        """Return w₂ − w₁ as it is read: with the devices' noise for the error, and if asked for in the forward pass."""
        if not self.spec.resistor_noise or not (always or self.spec.read_noise):
            return self.w_ROI
        xi_ROI = self.noise.normal((len(self.laws), *self.shape_OI))
        return xi_ROI.mul_(math.sqrt(2) * self.spec.resistor_noise).add_(self.w_ROI)

    def _factors(self, purpose: str) -> Tensor:
        drawn = [response_factors(self.spec.var, self.shape_OI, s, f"{purpose}/{self.place}") for s in self.seeds]
        return torch.stack(drawn, 1).to(self.noise.device)


def _runs(laws: Sequence[DeviceLaw]) -> list[tuple[int, int]]:
    """Return first and number of the neighbours that follow one law."""
    parts = [list(group) for _, group in groupby(range(len(laws)), key=lambda r: id(type(laws[r])))]
    return [(part[0], len(part)) for part in parts]
