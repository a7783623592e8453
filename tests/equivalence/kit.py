"""AIHWKit tiles for the comparisons: one array of given devices, its hidden parameters as a population of ours."""

from typing import Any

import torch
from torch import Tensor

from analogcli.backends import get
from analogcli.crossbar import Population
from analogcli.errors import BackendError


def why_not() -> str:
    """Return why AIHWKit cannot be compared with on this machine, or nothing."""
    try:
        get("aihwkit").check()
    except BackendError as exc:
        return str(exc)
    return ""


def tile(shape_OI: tuple[int, int], device: Any, *, lr: float = 0.01, forward: Any = None, backward: Any = None) -> Any:
    """Return an AIHWKit tile with 0 weights; ``forward`` and ``backward`` are IOParameters, default perfect."""
    from aihwkit.simulator.configs import SingleRPUConfig
    from aihwkit.simulator.parameters.io import IOParameters
    from aihwkit.simulator.tiles.analog import AnalogTile

    perfect = IOParameters(is_perfect=True)
    config = SingleRPUConfig(device=device, forward=forward or perfect, backward=backward or perfect)
    made = AnalogTile(*shape_OI, config)
    made.set_learning_rate(lr)
    return made


def population(of: Any, dw_min: float) -> Population:
    """Return the sampled devices of an AIHWKit tile, pulse sizes in units of ``dw_min``."""
    hidden: dict[str, Tensor] = of.get_hidden_parameters()
    return Population(
        hidden["dwmin_up"] / dw_min, hidden["dwmin_down"] / dw_min, hidden["max_bound"], hidden["min_bound"]
    )


def mean_after_update(of: Any, w_OI: Tensor, x_BI: Tensor, d_BO: Tensor, repeats: int) -> tuple[Tensor, Tensor]:
    """Return mean and standard error of the weights after one update of the batch, started at ``w_OI`` each time."""
    after = torch.empty(repeats, *w_OI.shape)
    for r in range(repeats):
        of.tile.set_weights(w_OI)
        of.tile.update(x_BI, d_BO, False)
        after[r] = of.tile.get_weights()
    return after.mean(0), after.std(0) / repeats**0.5
