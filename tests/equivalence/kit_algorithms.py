"""Algorithms on both engines: many tiles from the same weights with the same data, all their arrays and buffers.

Axes: N repeat (on our side the replica), B sample, O out, I in.
"""

from typing import Any

import torch
from torch import Tensor

from analogcli.algorithms import build_cell
from analogcli.crossbar import CrossbarArray, Randomness, draw_devices
from analogcli.spec import (
    Agad,
    BufferedTikiTaka,
    ChoppedTikiTaka,
    MixedPrecision,
    MultiTileResidual,
    Pulses,
    TikiTakaV1,
    TikiTakaV2Chopped,
    Update,
)

Arrays = dict[str, Tensor]
"""Repeats [N, O, I] of everything that an algorithm holds, by name."""

SHARED = ("gamma", "fast_lr", "transfer_lr", "scale_transfer_lr", "transfer_every", "units_in_mbatch")
BUFFERED = ("momentum", "forget_buffer")
CHOPPED = ("auto_granularity", "auto_scale", "auto_momentum", "correct_gradient_magnitudes", "buffer_granularity")


Data = tuple[Tensor, Tensor, Tensor]
"""Weights w_OI, inputs x_BI and output gradients d_BO."""


def ours(algorithm: Any, device: Any, update: Pulses, data: Data, lr: float, updates: int, n: int) -> Arrays:
    """Return what ``n`` of our cells hold after the mini-batch came ``updates`` times."""

    w_OI, x_BI, d_BO = data

    def make(name: str) -> CrossbarArray:
        return CrossbarArray(draw_devices(device, (w_OI.shape[0], w_OI.shape[1]), [torch.Generator()] * n))

    cell: Any = build_cell(algorithm, Update(**update.model_dump()), make)
    randomness = Randomness(range(1, n + 1))
    cell.set_weights(w_OI.expand(n, -1, -1), randomness)
    for _ in range(updates):
        cell.update(x_BI.expand(n, -1, -1), d_BO.expand(n, -1, -1), lr, randomness)
    held = {"weights": cell.visible()} | {f"array {i}": array.w_ROI for i, array in enumerate(cell.arrays)}
    transposed = {"buffer": "buffer_RIO", "mean": "mean_RIO", "past": "past_RIO"}
    held |= {name: getattr(cell, field).mT for name, field in transposed.items() if hasattr(cell, field)}
    return held | ({"chi": cell.chi_ROI} if hasattr(cell, "chi_ROI") else {})


def theirs(algorithm: Any, device: Any, update: Pulses, data: Data, lr: float, updates: int, n: int) -> Arrays:
    """Return the same of ``n`` fresh AIHWKit tiles."""
    from aihwkit.simulator.tiles.analog import AnalogTile

    w_OI, x_BI, d_BO = data
    config = rpu_config(algorithm, device, update)
    held: dict[str, list[Tensor]] = {}
    for _ in range(n):
        tile = AnalogTile(*w_OI.shape, config)
        tile.set_learning_rate(lr)
        tile.tile.set_weights(w_OI)
        for _ in range(updates):
            tile.tile.update(x_BI, d_BO, False)
        hidden = tile.get_hidden_parameters()
        values = {"weights": tile.tile.get_weights()} | {NAMES[k]: v for k, v in hidden.items() if k in NAMES}
        if isinstance(algorithm, MixedPrecision):
            values["array 0"] = values["weights"]
        elif not getattr(algorithm, "gamma", 1.0):
            values["array 1"] = values["weights"]
        for name, value in values.items():
            held.setdefault(name, []).append(value.clone())
    return {name: torch.stack(values) for name, values in held.items()}


NAMES = {
    **{f"hidden_weights_{i}": f"array {i}" for i in range(4)},
    "buffered_FP_weight": "buffer",
    "buffered_FP_weight_0": "buffer",
    "running_mean_weight": "mean",
    "past_mean_weight": "past",
    "hidden_weights_chi": "chi",
}


def rpu_config(algorithm: Any, device: Any, update: Pulses) -> Any:
    """Return AIHWKit's configuration of the same algorithm, without device-to-device spread and with perfect reads."""
    from aihwkit.simulator import configs

    from analogcli.backends.aihwkit.config import io_parameters, update_parameters
    from analogcli.backends.aihwkit.devices import pulsed_device

    perfect = configs.IOParameters(is_perfect=True)
    around = {"forward": perfect, "backward": perfect, "update": update_parameters(update)}
    if isinstance(algorithm, MixedPrecision):
        fields = {name: getattr(algorithm, name) for name in ("transfer_every", "granularity", "transfer_lr")}
        compound = configs.MixedPrecisionCompound(device=pulsed_device(device), **fields)
        return configs.DigitalRankUpdateRPUConfig(device=compound, **around)
    fields = {name: getattr(algorithm, name) for name in SHARED}
    fields |= {
        "transfer_forward": io_parameters(algorithm.transfer_read),
        "transfer_update": update_parameters(algorithm.transfer_update),
    }
    devices = [pulsed_device(device), pulsed_device(device)]
    match algorithm:
        case TikiTakaV1():
            kind = configs.TransferCompound
            fields["n_reads_per_transfer"] = algorithm.n_reads_per_transfer
        case MultiTileResidual():
            kind = configs.TransferCompound
            devices = [pulsed_device(device) for _ in range(algorithm.tiles)]
            fields |= {
                "n_reads_per_transfer": algorithm.n_reads_per_transfer,
                "gamma_vec": list(algorithm.gammas),
                "transfer_every_vec": [*algorithm.periods, 0.0],
                "transfer_lr_vec": [*algorithm.transfer_lrs, 1.0],
            }
        case BufferedTikiTaka():
            kind = configs.BufferedTransferCompound
            names = (*BUFFERED, "n_reads_per_transfer", "thres_scale")
            fields |= {name: getattr(algorithm, name) for name in names}
        case TikiTakaV2Chopped() | ChoppedTikiTaka() | Agad():
            kind = configs.DynamicTransferCompound if isinstance(algorithm, Agad) else configs.ChoppedTransferCompound
            names = (*BUFFERED, *CHOPPED, "in_chop_prob", "in_chop_random", "tail_weightening")
            fields |= {name: getattr(algorithm, name) for name in names if hasattr(algorithm, name)}
            if isinstance(algorithm, TikiTakaV2Chopped):
                fields["in_chop_prob"] = 0.0
    compound = kind(unit_cell_devices=devices, **fields)
    # Up to 1.1.0 fast_lr is absolute and the field is unknown.
    if hasattr(compound, "scale_fast_lr"):
        compound.scale_fast_lr = False
    return configs.UnitCellRPUConfig(device=compound, **around)
