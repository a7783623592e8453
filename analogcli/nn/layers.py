"""Linear and convolutional layers on arrays, with a digital bias; a convolution is a product with image patches.

::

    linear:   y_BO = W x_BI + b
    conv2d:   the same for every patch of the image: I = C k k, and B runs over images and positions

The weights are not parameters: they learn through :meth:`AnalogLayer.learn`, by what an algorithm does to the tiles.
Bias and out scale are ordinary digital parameters. AIHWKit twins: ``AnalogLinear`` and ``AnalogConv2d``; as there,
every patch is one vector for converters, management and pulses.

Axes: B image, C channel, H, W image, O out, I in, L position, N patch (B·L), T tile.
"""

import torch
from torch import Tensor
from torch.nn import Module, Parameter
from torch.nn.functional import unfold

from analogcli.nn.array import TileArray, TileStep
from analogcli.nn.chip import Chip
from analogcli.nn.init import initial_weights


class AnalogLayer(Module):
    """A layer whose weight [O, I, …] lies on the tiles of ``chip`` under ``name`` and starts randomly from ``init``."""

    def __init__(self, name: str, shape: tuple[int, ...], chip: Chip, init: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        weight, bias_O = initial_weights(shape, init)
        self.array = TileArray(name, shape[0], weight[0].numel(), chip)
        self.array.set_weights(weight.flatten(1))
        self.bias = Parameter(bias_O.to(chip.noise.device))
        scale_T = bias_O.new_ones(len(self.array.placed), device=chip.noise.device)
        self.out_scale = Parameter(scale_T) if chip.mapping.learn_out_scaling else None

    def weights(self) -> Tensor:
        """Return the weight that the forward pass sees, in torch's layout."""
        return self.array.weights(self.out_scale).detach().reshape(self.shape)

    @torch.no_grad()
    def learn(self, step: TileStep, lr: float) -> None:
        """Let the arrays learn from the last backward pass; call it before the digital parameters move."""
        self.array.learn(step, lr, self.out_scale)


class AnalogLinear(AnalogLayer):
    """y = W x + b with W [O, I] on tiles."""

    def __init__(self, in_features: int, out_features: int, name: str, chip: Chip, init: torch.Generator) -> None:
        super().__init__(name, (out_features, in_features), chip, init)

    def forward(self, x_BI: Tensor) -> Tensor:
        """Return y [B, O]."""
        return self.array.read(x_BI, self.bias, self.out_scale)


class AnalogConv2d(AnalogLayer):
    """Convolution with the kernels [O, C, k, k] on tiles."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        name: str,
        chip: Chip,
        init: torch.Generator,
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
    ) -> None:
        super().__init__(name, (out_channels, in_channels, kernel_size, kernel_size), chip, init)
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return y [B, O, H', W']."""
        x_BIL = unfold(x_BCHW, self.kernel_size, self.dilation, self.padding, self.stride)
        x_NI = x_BIL.transpose(1, 2).reshape(-1, x_BIL.shape[1])
        y_NO = self.array.read(x_NI, self.bias, self.out_scale)
        size = (self._positions(x_BCHW.shape[2]), self._positions(x_BCHW.shape[3]))
        return y_NO.view(len(x_BCHW), -1, self.shape[0]).transpose(1, 2).reshape(len(x_BCHW), self.shape[0], *size)

    def _positions(self, size: int) -> int:
        return (size + 2 * self.padding - self.dilation * (self.kernel_size - 1) - 1) // self.stride + 1
