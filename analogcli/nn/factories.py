"""Where a network's layers come from: the same definition is built from plain torch layers or from analog ones.

Both factories draw initial weights from the generator they are given, in the order in which layers are made, so that
a digital and an analog model of one seed start from the same weights (clipped to the bounds of the devices).
"""

from typing import Protocol

import torch
from torch.nn import Conv2d, Linear, Module, Parameter

from analogcli.nn.chip import Chip
from analogcli.nn.init import initial_weights
from analogcli.nn.layers import AnalogConv2d, AnalogLinear


class Layers(Protocol):
    """What a network definition asks for."""

    def linear(self, in_features: int, out_features: int) -> Module:
        """Return a linear layer with bias."""
        ...

    def conv2d(self, in_channels: int, out_channels: int, kernel_size: int) -> Module:
        """Return a convolution with bias, stride 1 and no padding."""
        ...


class TorchLayers:
    """Plain torch layers on the CPU, with initial weights from ``init`` and not from torch's global generator."""

    def __init__(self, init: torch.Generator) -> None:
        self.init = init

    def linear(self, in_features: int, out_features: int) -> Module:
        """Return a :class:`torch.nn.Linear`."""
        return self._filled(Linear(in_features, out_features, device="meta"))

    def conv2d(self, in_channels: int, out_channels: int, kernel_size: int) -> Module:
        """Return a :class:`torch.nn.Conv2d`."""
        return self._filled(Conv2d(in_channels, out_channels, kernel_size, device="meta"))

    def _filled(self, layer: Linear | Conv2d) -> Module:
        weight, bias_O = initial_weights(tuple(layer.weight.shape), self.init)
        layer.weight, layer.bias = Parameter(weight), Parameter(bias_O)
        return layer


class AnalogLayers:
    """Layers on the tiles of ``chip``; tiles are named by the position of their layer in the network."""

    def __init__(self, chip: Chip, init: torch.Generator) -> None:
        self.chip, self.init = chip, init
        self._made = 0

    def linear(self, in_features: int, out_features: int) -> Module:
        """Return an :class:`AnalogLinear`."""
        return AnalogLinear(in_features, out_features, self._name(), self.chip, self.init)

    def conv2d(self, in_channels: int, out_channels: int, kernel_size: int) -> Module:
        """Return an :class:`AnalogConv2d`."""
        return AnalogConv2d(in_channels, out_channels, kernel_size, self._name(), self.chip, self.init)

    def _name(self) -> str:
        self._made += 1
        return f"layer{self._made}"
