"""Algorithms on both engines: many tiles from the same weights with the same data, all their arrays and buffers.

Axes: N repeat (on our side the replica), B sample, O out, I in.
"""

from typing import Any

import torch
from torch import Tensor

from analogcli.algorithms import build_cell
from analogcli.crossbar import CrossbarArray, Randomness, draw_devices
from analogcli.spec import (
    IO,
    BackwardRead,
    ClassificationTask,
    FcnModel,
    Mapping,
    MixedPrecision,
    Periphery,
    Pulses,
    RunSpec,
    Update,
)

Arrays = dict[str, Tensor]
"""Repeats [N, O, I] of everything that an algorithm holds, by name."""

Data = tuple[Tensor, Tensor, Tensor]
"""Weights w_OI, inputs x_BI and output gradients d_BO."""


def ours(algorithm: Any, device: Any, update: Pulses, data: Data, lr: float, updates: int, n: int) -> Arrays:
    """Return what ``n`` of our cells hold after the mini-batch came ``updates`` times."""

    w_OI, x_BI, d_BO = data

    def make(name: str, other: Any = None) -> CrossbarArray:
        return CrossbarArray(draw_devices(other or device, (w_OI.shape[0], w_OI.shape[1]), [torch.Generator()] * n))

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
    """Return the backend's configuration of the same algorithm, with perfect reads."""
    from analogcli.backends.aihwkit.config import rpu_config

    spec = RunSpec(
        task=ClassificationTask(dataset="none", model=FcnModel(), batch_size=1, epochs=0, lr=1.0),
        algorithm=algorithm,
        device=device,
        periphery=Periphery(forward=IO(perfect=True), backward=BackwardRead(perfect=True)),
        update=Update(**update.model_dump() | {"fidelity": "sequential"}),
        mapping=Mapping(),
        backend="aihwkit",
    )
    return rpu_config(spec)
