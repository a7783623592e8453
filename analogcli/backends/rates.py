"""What each part of a network learns with, as a factor on the learning rate: the 2024 script's parameter groups.

::

    one           every part 1
    last-layer    the last layer 1, all others 0.1
    last-tensor   the last tensor of AIHWKit's last layer 1, everything else 0.1

AIHWKit's order of a layer's tensors: weights on arrays, bias, out scale of tile after tile. In floating point it is
weights, bias; but where the layer is cut into tiles it is bias, weights of tile after tile.

Axes: R replica, T tile, I in.
"""

import torch
from torch import Tensor
from torch.nn import Module

from analogcli.nn import AnalogLayer, split_sizes
from analogcli.nn.models import last_layer
from analogcli.spec import ClassificationTask, Mapping, Task

SLOW = 0.1

Factors = dict[str, float | Tensor]


def factors(task: Task, plain: Module, network: Module) -> Factors | None:
    """Return for every parameter and analog layer of ``network``, made from ``plain``, its factor; None: all are 1."""
    groups = task.lr_groups if isinstance(task, ClassificationTask) else "one"
    if groups == "one":
        return None
    last = last_layer(plain)
    names = [*dict(network.named_parameters()), *(n for n, m in network.named_modules() if isinstance(m, AnalogLayer))]
    if groups == "last-layer":
        return {name: 1.0 if name == last or name.startswith(f"{last}.") else SLOW for name in names}
    return {name: SLOW for name in names} | _last_tensor(last, network.get_submodule(last))


def _last_tensor(name: str, layer: Module) -> Factors:
    if isinstance(layer, AnalogLayer):
        if layer.out_scale is None:
            return {f"{name}.bias": 1.0}
        scale_RT = torch.full_like(layer.out_scale, SLOW)
        scale_RT[:, -1] = 1.0
        return {f"{name}.out_scale": scale_RT}
    weight = layer.get_parameter("weight")
    sizes = split_sizes(weight.shape[1], Mapping().max_input_size)
    if len(sizes) == 1:
        return {f"{name}.bias": 1.0}
    factor_I = torch.full((weight.shape[1],), SLOW, device=weight.device)
    factor_I[-sizes[-1] :] = 1.0
    return {f"{name}.weight": factor_I}
