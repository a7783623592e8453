"""Algorithms of a spec as AIHWKit's compounds: the parameters have the same names and units wherever both have them.

::

    tt-v1, rl-v1           TransferCompound of 2              resl    TransferCompound of n, gamma, period and rate
    tt-v2                  BufferedTransferCompound                   of every device written out
    tt-v2-chopped, c-ttv2  ChoppedTransferCompound            mp      MixedPrecisionCompound
    agad                   DynamicTransferCompound            vector  VectorUnitCell
                                                              rl-v2   in no release of AIHWKit

Only what the spec says differs from AIHWKit's defaults.
"""

from dataclasses import fields
from typing import Any

import torch
from aihwkit.simulator.configs import (
    BufferedTransferCompound,
    ChoppedTransferCompound,
    DynamicTransferCompound,
    MixedPrecisionCompound,
    TransferCompound,
    VectorUnitCell,
)
from aihwkit.simulator.parameters.enums import VectorUnitCellUpdatePolicy

from analogcli.backends.aihwkit.devices import pulsed_device
from analogcli.backends.aihwkit.parameters import io_parameters, update_parameters
from analogcli.crossbar import draw_devices
from analogcli.spec import (
    Agad,
    BufferedTikiTaka,
    ChoppedTikiTaka,
    Device,
    MixedPrecision,
    MultiTileResidual,
    ResidualLearningV1,
    TikiTakaV1,
    TikiTakaV2Chopped,
    Vector,
)
from analogcli.spec.transfer import Transfer

TRANSFERS: dict[type, Any] = {
    TikiTakaV1: TransferCompound,
    ResidualLearningV1: TransferCompound,
    BufferedTikiTaka: BufferedTransferCompound,
    TikiTakaV2Chopped: ChoppedTransferCompound,
    ChoppedTikiTaka: ChoppedTransferCompound,
    Agad: DynamicTransferCompound,
    MultiTileResidual: TransferCompound,
}
"""AIHWKit's class for each algorithm with a transfer between arrays."""
POLICIES = {
    "all": VectorUnitCellUpdatePolicy.ALL,
    "single-fixed": VectorUnitCellUpdatePolicy.SINGLE_FIXED,
    "single-sequential": VectorUnitCellUpdatePolicy.SINGLE_SEQUENTIAL,
    "single-random": VectorUnitCellUpdatePolicy.SINGLE_RANDOM,
}
OURS = {"kind", "fast_device", "transfer_read", "transfer_update"}
"""Fields that AIHWKit writes otherwise."""
CASCADE = {"fast_lr", "scale_transfer_lr", "units_in_mbatch", "n_reads_per_transfer"}
"""Fields of resl that are not one number for each device there."""


def transfer_compound(algorithm: Transfer | MultiTileResidual, device: Device) -> Any:
    """Return the arrays of a Tiki-Taka algorithm with the transfer between them."""
    kind = TRANSFERS[type(algorithm)]
    given: dict[str, Any] = algorithm.model_dump(exclude=OURS)
    arrays = 2
    if isinstance(algorithm, TikiTakaV2Chopped):
        given["in_chop_prob"] = 0.0
    elif isinstance(algorithm, MultiTileResidual):
        arrays = algorithm.tiles
        given = algorithm.model_dump(include=CASCADE)
        given["gamma_vec"] = list(algorithm.gammas)
        # Nothing leaves the last tile.
        given["transfer_every_vec"] = [*algorithm.periods, 0.0]
        given["transfer_lr_vec"] = [*algorithm.transfer_lrs, 1.0]
    given["transfer_forward"] = io_parameters(algorithm.transfer_read)
    given["transfer_update"] = update_parameters(algorithm.transfer_update)
    # From 1.2.0 on some compounds multiply fast_lr by the optimizer's rate unless told not to; before, the field is
    # unknown and setting it is an error. The spec's fast_lr is absolute on both.
    if "scale_fast_lr" in {field.name for field in fields(kind)}:
        given["scale_fast_lr"] = False
    fast = algorithm.fast_device if isinstance(algorithm, Transfer) else None
    if fast is not None:
        # AIHWKit makes the gradient's trains for the mean granularity of both arrays, as if for a vector cell, which
        # multiplies fast_lr by that of the fast one over the mean. The spec's fast_lr is what the fast array gets.
        undo = (granularity(fast) + granularity(device)) / (2 * granularity(fast))
        given["fast_lr"] *= undo
        if given.get("correct_gradient_magnitudes"):
            given["transfer_lr"] *= undo
    others = [pulsed_device(device) for _ in range(arrays - 1)]
    return kind(unit_cell_devices=[pulsed_device(fast or device), *others], **given)


def granularity(device: Device) -> float:
    """Return the size of one pulse of the mean device, which AIHWKit computes alike [weight units]."""
    return draw_devices(device, (1, 1), [torch.Generator()]).granularity


def vector_cell(algorithm: Vector, device: Device) -> Any:
    """Return the devices that hold a weight together."""
    return VectorUnitCell(
        unit_cell_devices=[pulsed_device(one) for one in (device, *algorithm.further_devices)],
        update_policy=POLICIES[algorithm.update_policy],
        gamma_vec=list(algorithm.gammas),
    )


def mixed_precision(algorithm: MixedPrecision, device: Device) -> Any:
    """Return the array with its digital sum of gradients; x and d are not quantised."""
    return MixedPrecisionCompound(device=pulsed_device(device), **algorithm.model_dump(exclude=OURS))
