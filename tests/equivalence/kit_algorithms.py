"""Algorithms on both engines: many tiles from the same weights with the same data, all their arrays and buffers.

Axes: N repeat (on our side the replica), B sample, O out, I in.
"""

from typing import Any

import torch
from scipy.stats import ks_2samp
from torch import Tensor

from analogcli.algorithms import build_cell
from analogcli.crossbar import CrossbarArray, Randomness, draw_devices
from analogcli.spec import (
    IO,
    Agad,
    BufferedTikiTaka,
    ChoppedTikiTaka,
    ConstantStep,
    MixedPrecision,
    MultiTileResidual,
    Pulses,
    SoftBounds,
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

    perfect = configs.IOParameters(is_perfect=True)
    around = {"forward": perfect, "backward": perfect, "update": _update(update)}
    if isinstance(algorithm, MixedPrecision):
        fields = {name: getattr(algorithm, name) for name in ("transfer_every", "granularity", "transfer_lr")}
        compound = configs.MixedPrecisionCompound(device=_device(device), **fields)
        return configs.DigitalRankUpdateRPUConfig(device=compound, **around)
    fields = {name: getattr(algorithm, name) for name in SHARED}
    fields |= {"transfer_forward": _io(algorithm.transfer_read), "transfer_update": _update(algorithm.transfer_update)}
    devices = [_device(device), _device(device)]
    match algorithm:
        case TikiTakaV1():
            kind = configs.TransferCompound
            fields["n_reads_per_transfer"] = algorithm.n_reads_per_transfer
        case MultiTileResidual():
            kind = configs.TransferCompound
            devices = [_device(device) for _ in range(algorithm.tiles)]
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


def _device(device: SoftBounds | ConstantStep) -> Any:
    from aihwkit.simulator import configs

    fields = {"dw_min": device.dw_min, "w_max": device.tau, "w_min": -device.tau, "dw_min_std": device.dw_min_std}
    same = {"dw_min_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0, "up_down_dtod": 0.0, "up_down": device.up_down}
    if isinstance(device, ConstantStep):
        return configs.ConstantStepDevice(**fields, **same)
    kind = configs.SoftBoundsDevice if device.mult_noise else configs.SoftBoundsReferenceDevice
    return kind(**fields, **same)


def _io(io: IO) -> Any:
    from aihwkit.simulator.configs import IOParameters
    from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType

    return IOParameters(
        is_perfect=io.perfect,
        inp_res=1 / io.inp_steps,
        out_res=1 / io.out_steps,
        out_noise=io.out_noise,
        out_bound=io.out_bound,
        noise_management=NoiseManagementType.NONE,
        bound_management=BoundManagementType.NONE,
    )


def _update(pulses: Pulses) -> Any:
    from aihwkit.simulator.configs import UpdateParameters

    return UpdateParameters(
        desired_bl=pulses.desired_bl,
        update_management=pulses.update_management,
        update_bl_management=pulses.update_bl_management,
    )


def distance(a_NOI: Tensor, b_NOI: Tensor) -> tuple[float, float, float]:
    """Return the largest z of the means, the largest z of the spreads, and the largest KS distance over its 1e-3 line.

    Means are compared where at least one repeat in twenty moves away from the median on both sides: what happens more
    rarely is not normal; spreads where there are no long tails either. The KS distance is that of all elements, also of
    those that never move.
    """
    a_NE, b_NE = a_NOI.flatten(1).double(), b_NOI.flatten(1).double()
    # Both engines compute in 32 bits; counted from the median, what is equal but for rounding becomes equal.
    centre_E = a_NE.median(0).values
    a_NE, b_NE = (a_NE - centre_E).mul(1e5).round(), (b_NE - centre_E).mul(1e5).round()
    line = 1.95 * (1 / len(a_NE) + 1 / len(b_NE)) ** 0.5
    ks = max(ks_2samp(p, q).statistic for p, q in zip(a_NE.T.numpy(), b_NE.T.numpy(), strict=True)) / line
    moves = (_moving(a_NE) > 0.05) & (_moving(b_NE) > 0.05)
    if not moves.any():
        return 0.0, 0.0, float(ks)
    a_NE, b_NE = a_NE[:, moves], b_NE[:, moves]
    error = (a_NE.var(0) / len(a_NE) + b_NE.var(0) / len(b_NE)).sqrt()
    z_E = (a_NE.mean(0) - b_NE.mean(0)).abs() / error
    tails_E = torch.maximum(_kurtosis(a_NE), _kurtosis(b_NE))
    spread_error = ((tails_E - 1).clamp_min(0.5) / 4 * (1 / len(a_NE) + 1 / len(b_NE))).sqrt()
    spread_E = ((a_NE.std(0) / b_NE.std(0)).log().abs() / spread_error)[tails_E < LONG_TAILS]
    return float(z_E.max()), max(spread_E.tolist(), default=0.0), float(ks)


LONG_TAILS = 8.0
"""Kurtosis above which a standard deviation from a few hundred repeats has no known error."""


def _moving(a_NE: Tensor) -> Tensor:
    """Return the part of the repeats that differ from the median."""
    return (a_NE != a_NE.median(0).values).double().mean(0)


def _kurtosis(a_NE: Tensor) -> Tensor:
    deviation_NE = a_NE - a_NE.mean(0)
    return deviation_NE.pow(4).mean(0) / deviation_NE.square().mean(0).square()
