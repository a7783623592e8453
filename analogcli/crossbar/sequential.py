"""The pulsed update as the hardware does it: one sample after the other, pulse by pulse.

::

    n_OI = Σ_k D_k X_kᵀ                            coincidences of a sample, exact in law, counts of a line correlated
    n times:  w ← clip(w ± Δw_min (q±(w) + σ ξ))   all pulses of a sample on one cross point have the same direction

σ ξ is the cycle-to-cycle noise of the device law, fresh for every pulse. AIHWKit twin: the CPU update of a pulsed tile.
:func:`reference_update` works for every law on every torch device; on the CPU, laws with a table of numbers take the
compiled loops of :mod:`analogcli.crossbar.kernels`, which are equal in law.

Axes: B sample (or image patch), K slot of a train, O out, I in.
"""

import torch
from torch import Tensor

from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.kernels import pulsed_update
from analogcli.crossbar.pulses import Trains, draw_bits, trains
from analogcli.spec import Pulses

LARGEST_SEED = 2**62


def sequential_update(
    w_OI: Tensor,
    law: ResponseLaw,
    x_BI: Tensor,
    d_BO: Tensor,
    lr: float,
    pulses: Pulses,
    generator: torch.Generator,
) -> Tensor:
    """Return the weights after the samples ``x_BI`` with output gradients ``d_BO`` at learning rate ``lr``.

    ``w_OI`` itself may be changed and returned.
    """
    table = law.table
    if table is None or w_OI.device.type != "cpu":
        return reference_update(w_OI, law, x_BI, d_BO, trains(x_BI, d_BO, lr, law.granularity, pulses), generator)
    pulsed_update(w_OI, table, law.spec.dw_min, x_BI, d_BO, lr / law.granularity, pulses, _draw_seed(generator))
    return w_OI


def reference_update(
    w_OI: Tensor, law: ResponseLaw, x_BI: Tensor, d_BO: Tensor, train: Trains, generator: torch.Generator
) -> Tensor:
    """Do what :func:`sequential_update` does, in plain tensor operations."""
    x_BKI = draw_bits(x_BI, train.gain_x_B, train.length_B, generator)
    d_BKO = draw_bits(d_BO, train.gain_d_B, train.length_B, generator)
    for x_I, d_O, x_KI, d_KO in zip(x_BI, d_BO, x_BKI, d_BKO, strict=True):
        n_OI = d_KO.T @ x_KI
        w_OI = apply_pulses(w_OI, law, n_OI, up_OI=torch.outer(d_O, x_I) < 0, generator=generator)
    return w_OI


def apply_pulses(w_OI: Tensor, law: ResponseLaw, n_OI: Tensor, up_OI: Tensor, generator: torch.Generator) -> Tensor:
    """Return the weights after ``n_OI`` pulses on each cross point, upwards where ``up_OI``, else downwards."""
    for done in range(int(n_OI.max())):
        step_OI = torch.where(up_OI, law.q_plus(w_OI), -law.q_minus(w_OI))
        if law.spec.dw_min_std:
            xi_OI = torch.randn(w_OI.shape, generator=generator, device=w_OI.device)
            step_OI = step_OI + law.cycle_noise(w_OI, up_OI) * xi_OI
        w_OI = torch.where(n_OI > done, law.clip(w_OI + law.spec.dw_min * step_OI), w_OI)
    return w_OI


def _draw_seed(generator: torch.Generator) -> int:
    return int(torch.randint(LARGEST_SEED, (), generator=generator, device=generator.device))
