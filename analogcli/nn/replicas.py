"""Digital layers of R models at once, for what stays beside the arrays: what torch's layers do, model by model.

::

    activations   [R·B, …]    the models behind one another in the batch
    parameters    [R·n, …]    the models behind one another along the first axis, and so are running statistics

so that model r's part is chunk r of R, with the shape that it has in the plain layer (:func:`replica`).

Axes: R replica, B sample, C channel, O out, I in.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import BatchNorm1d, BatchNorm2d, Conv2d, Linear, Module, Parameter
from torch.nn.functional import pad
from torch.nn.modules.batchnorm import _BatchNorm


class ReplicaLinear(Module):
    """Linear layers as one batched product: x [R·B, …, I] to y [R·B, …, O]."""

    bias: Parameter | None

    def __init__(self, layers: Sequence[Linear]) -> None:
        super().__init__()
        self.replicas = len(layers)
        self.weight = Parameter(torch.cat([layer.weight.detach() for layer in layers]))
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        self.bias = Parameter(torch.cat(biases)) if biases else None

    def forward(self, x: Tensor) -> Tensor:
        """Return y [R·B, …, O]."""
        r = self.replicas
        x_RBI, w_RIO = x.reshape(r, -1, x.shape[-1]), self.weight.view(r, -1, x.shape[-1]).mT
        y_RBO = x_RBI @ w_RIO if self.bias is None else torch.baddbmm(self.bias.view(r, 1, -1), x_RBI, w_RIO)
        return y_RBO.view(*x.shape[:-1], y_RBO.shape[2])


class ReplicaConv2d(Module):
    """Convolutions as one with R times the groups: x [R·B, C, H, W] to y [R·B, O, H', W']."""

    def __init__(self, layers: Sequence[Conv2d]) -> None:
        super().__init__()
        first, self.replicas = layers[0], len(layers)
        self.mode = "constant" if first.padding_mode == "zeros" else first.padding_mode
        self.border = [] if self.mode == "constant" else list(first._reversed_padding_repeated_twice)
        self.arguments: dict[str, Any] = {
            "stride": first.stride,
            "padding": 0 if self.border else first.padding,
            "dilation": first.dilation,
            "groups": self.replicas * first.groups,
        }
        self.weight = Parameter(torch.cat([layer.weight.detach() for layer in layers]))
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        self.bias = Parameter(torch.cat(biases)) if biases else None

    def forward(self, x: Tensor) -> Tensor:
        """Return y [R·B, O, H', W']."""
        if self.border:
            x = pad(x, self.border, self.mode)
        y = torch.nn.functional.conv2d(_side_by_side(x, self.replicas), self.weight, self.bias, **self.arguments)
        return _behind_one_another(y, self.replicas)


class ReplicaBatchNorm(_BatchNorm):
    """Batch normalisations as one with R·C channels: x [R·B, C, …]."""

    def __init__(self, layers: "Sequence[BatchNorm1d] | Sequence[BatchNorm2d]") -> None:
        first = layers[0]
        channels = len(layers) * first.num_features
        super().__init__(channels, first.eps, first.momentum, first.affine, first.track_running_stats)
        self.replicas = len(layers)
        for name, tensor in [*self.named_parameters(), *self.named_buffers()]:
            # In place of the fresh tensor, so that device and dtype are those of the layers.
            tensor.data = together([getattr(layer, name).detach() for layer in layers]).clone()

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised activations [R·B, C, …]."""
        return _behind_one_another(super().forward(_side_by_side(x, self.replicas)), self.replicas)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes after the channels will do."""


def replica(tensor: Tensor, r: int, replicas: int) -> Tensor:
    """Return model r's part of a parameter, buffer or hidden state; what has no axes belongs to all models alike."""
    return tensor if replicas == 1 or tensor.dim() == 0 else tensor.chunk(replicas)[r]


def together(parts: Sequence[Tensor]) -> Tensor:
    """Return what :func:`replica` takes apart."""
    return parts[0] if len(parts) == 1 or parts[0].dim() == 0 else torch.cat(list(parts))


def _side_by_side(x: Tensor, replicas: int) -> Tensor:
    """Return [R·B, C, …] as [B, R·C, …]."""
    return x.view(replicas, len(x) // replicas, *x.shape[1:]).transpose(0, 1).flatten(1, 2)


def _behind_one_another(y: Tensor, replicas: int) -> Tensor:
    """Return [B, R·C, …] as [R·B, C, …]."""
    return y.view(len(y), replicas, y.shape[1] // replicas, *y.shape[2:]).transpose(0, 1).flatten(0, 1)
