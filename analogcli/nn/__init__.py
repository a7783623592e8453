"""Layers whose weights lie on simulated arrays, and the networks made of them or of plain torch layers.

::

    AnalogLayers(chip, init) ┐
                             ├─► models.build_model(spec, shape, layers) ─► torch.nn.Sequential
    TorchLayers(init)        ┘
"""

from analogcli.nn.array import Placed, TileArray, split_sizes
from analogcli.nn.chip import Chip
from analogcli.nn.factories import AnalogLayers, Layers, TorchLayers
from analogcli.nn.init import initial_weights
from analogcli.nn.layers import AnalogConv2d, AnalogLayer, AnalogLinear

__all__ = [
    "AnalogConv2d",
    "AnalogLayer",
    "AnalogLayers",
    "AnalogLinear",
    "Chip",
    "Layers",
    "Placed",
    "TileArray",
    "TorchLayers",
    "initial_weights",
    "split_sizes",
]
