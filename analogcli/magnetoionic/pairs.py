"""Pairs of devices: their initial states, their spread, and one step of learning.

::

    w = w₂ − w₁                         w₁ = start − a,   w₂ = start − a − U(−a, a)     (a = init)
    u = lr |g| v                        v = |N(1, σ_var)| of each device;  u = 0 where u < clipping
    g > 0:  w₂ ← f(f⁻¹(w₂) + u)         g < 0:  w₁ ← f(f⁻¹(w₁) + u)                     (g = ∂L/∂w)
    at the rail, w₁ ≤ stop:             w₁ ← stop − (w₂ − start),  w₂ ← start;  then the same for w₂

Exactly one device of a pair moves, and only down. A device that comes to its rail is set back together with its
partner, and the weight that the pair had with the device at the rail stays; what is beyond the rail is lost. (In the
authors' code a device beyond the rail whose partner is at it throws the partner out of its range until the next step.)

Source: as :mod:`.laws`, code of the authors (repository kellian-cottart/magnetoionic-simulations, July 2024).

Axes: R replica, N any axes of the weight.
"""

import torch
from torch import Tensor

from analogcli.generators import stream
from analogcli.magnetoionic.laws import DeviceLaw


def initial_pairs(law: DeviceLaw, init: float, shape: tuple[int, int], generator: torch.Generator) -> list[Tensor]:
    """Return fresh w₁ and w₂ of this shape (float32, on the generator's device)."""
    spread = torch.empty(shape).uniform_(-init, init, generator=generator)
    w1 = torch.full(shape, law.start - init)
    return [w1, w1 - spread]


def response_factors(var: float, shape: tuple[int, int], seed: int, purpose: str) -> Tensor:
    """Return v = |N(1, var)| of the first and the second devices, [2, *shape] (float32, on the CPU)."""
    return torch.randn(2, *shape, generator=stream(seed, purpose)).mul_(var).add_(1).abs_()


def learn(
    w1_RN: Tensor,
    w2_RN: Tensor,
    g_RN: Tensor,
    lr_R: Tensor,
    clipping_R: Tensor,
    v_2RN: Tensor | None,
    law: DeviceLaw,
) -> None:
    """Change the pairs in place by one step, in plain tensor operations: for any law and any torch device.

    Args:
        w1_RN: states of the first devices [device units].
        w2_RN: states of the second devices [device units].
        g_RN: gradient of the loss with respect to the weight.
        lr_R: learning rate of each model [pulses per gradient].
        clipping_R: dead zone of each model [pulses].
        v_2RN: factors of the devices' response, None if all are 1.
        law: what a pulse does.
    """
    start, stop = law.start, law.stop
    over = (-1, *(1,) * (g_RN.dim() - 1))
    second = g_RN > 0
    u_RN = g_RN.abs() * lr_R.view(over)
    if v_2RN is not None:
        u_RN *= torch.where(second, v_2RN[1], v_2RN[0])
    u_RN[u_RN < clipping_R.view(over)] = 0
    shifted = law.shift(torch.where(second, w2_RN, w1_RN), u_RN).clamp(stop, start)
    moves = u_RN > 0
    torch.where(second & moves, shifted, w2_RN, out=w2_RN)
    torch.where(~second & moves, shifted, w1_RN, out=w1_RN)
    for one, other in ((w1_RN, w2_RN), (w2_RN, w1_RN)):
        at_rail = one <= stop
        torch.where(at_rail, (start + stop) - other, one, out=one)
        other.masked_fill_(at_rail, start)
