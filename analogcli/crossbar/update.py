"""One update of an array at the fidelity that its spec asks for, on the path that is fastest where the array lives.

::

    fidelity     chunks                                       CPU                        any torch device
    sequential   one sample each                              kernels.coincidence        coincidence
    chunked      expected pulses × Δw_min/τ ≤ max_load        kernels.coincidence        coincidence
    mean-field   –                                            mean_field                 mean_field
    …-batch      –                                            mean_field                 mean_field

An ideal device has no pulses: W ← W − lr Σ d xᵀ (AIHWKit: ``IdealDevice``).

Axes: R replica, B sample (or image patch), O out, I in.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from analogcli.crossbar import coincidence
from analogcli.crossbar.kernels.coincidence import update_arrays
from analogcli.crossbar.line_update import lie_in_lines, update_lines
from analogcli.crossbar.mean_field import mean_field_update
from analogcli.crossbar.pulses import managed
from analogcli.crossbar.randomness import Randomness
from analogcli.spec import PulsedDevice, Pulses, Update

if TYPE_CHECKING:
    from analogcli.crossbar.array import CrossbarArray

_NOTHING = np.empty((0, 0, 0), np.float32)


def update(
    array: "CrossbarArray",
    x_RBI: Tensor,
    d_RBO: Tensor,
    lr: float,
    pulses: Pulses,
    randomness: Randomness,
    rows: slice = slice(None),
    columns: slice = slice(None),
) -> None:
    """Move ``array`` by −lr Σ d xᵀ of all samples; ``d`` and ``x`` belong to its ``rows`` and ``columns``."""
    if lr == 0:
        return
    if lr < 0:
        d_RBO, lr = -d_RBO, -lr
    law = array.law
    if law.ideal:
        array.w_ROI[:, rows, columns].sub_(d_RBO.mT @ x_RBI, alpha=lr)
        return
    max_pulses = _most_pulses(pulses, law.spec)
    drawn = pulses.drawn
    if drawn and array.w_ROI.device.type == "cpu" and pulses.pulse_type == "stochastic-compressed":
        if max_pulses and x_RBI.shape[2] == array.shape[2] and lie_in_lines(x_RBI):
            update_lines(array, x_RBI, d_RBO, lr, pulses, max_pulses, randomness)
            return
        _compiled(array, x_RBI, d_RBO, lr, pulses, max_pulses, randomness, rows.start or 0, columns.start or 0)
        return
    x_RBI, d_RBO = _whole(x_RBI, columns, array.shape[2]), _whole(d_RBO, rows, array.shape[1])
    if drawn:
        after_ROI = coincidence.pulsed_update(array.w_ROI, law, x_RBI, d_RBO, lr, pulses, max_pulses, randomness)
    else:
        whole = pulses.fidelity == "mean-field-batch"
        after_ROI = mean_field_update(array.w_ROI, law, x_RBI, d_RBO, lr, whole_batch=whole)
    if array.seen_ROI is not array.w_ROI:
        noisy_ROI = after_ROI + law.write_noise * randomness.normal(array.shape)
        array.seen_ROI.copy_(torch.where(after_ROI != array.w_ROI, noisy_ROI, array.seen_ROI))
    array.w_ROI.copy_(after_ROI)


def _most_pulses(pulses: Pulses, spec: PulsedDevice) -> float:
    """Return how many pulses a chunk may bring to any device; 0: every sample is a chunk of its own."""
    if isinstance(pulses, Update) and pulses.fidelity == "chunked":
        return pulses.max_load * spec.tau / spec.dw_min
    return 0.0


def _compiled(
    array: "CrossbarArray",
    x_RBI: Tensor,
    d_RBO: Tensor,
    lr: float,
    pulses: Pulses,
    max_pulses: float,
    randomness: Randomness,
    row: int,
    column: int,
) -> None:
    table = array.law.table
    w = array.w_ROI.numpy()
    update_arrays(table.formula)(
        w,
        _NOTHING if array.seen_ROI is array.w_ROI else array.seen_ROI.numpy(),
        table.devices_ROIP,
        table.constants,
        table.nodes,
        table.noise,
        x_RBI.contiguous().numpy(),
        d_RBO.contiguous().numpy(),
        lr / array.granularity,
        pulses.desired_bl,
        pulses.update_bl_management,
        managed(pulses),
        max_pulses,
        randomness.keys(len(w)),
        row,
        column,
    )


def _whole(values_RBL: Tensor, lines: slice, size: int) -> Tensor:
    """Return ``values_RBL`` of the part ``lines`` with zeros for all other lines."""
    if values_RBL.shape[2] == size:
        return values_RBL
    whole_RBL = values_RBL.new_zeros(*values_RBL.shape[:2], size)
    whole_RBL[..., lines] = values_RBL
    return whole_RBL
