"""Forward and backward through a chain of layers without torch's graph, which costs a small network much of its time.

::

    forward    h₀ = x,  h_k = layer_k(h_{k−1})
    loss       L_r = −mean_b log p_rb[y_rb] for every model,  ∂L/∂logits = (p − 1[y])/B
    backward   ∂L/∂h_{k−1} from ∂L/∂h_k; biases and scales get their gradients, arrays what they learn from

The derivatives are torch's own, called one after the other. Pooling comes before the activation that it follows: the
maximum of a rising function is the function of the maximum, and a quarter of the values is left for it. A network that
is no chain of the layers below goes through autograd (:class:`analogcli.backends.network.NetworkOfModels`), with the
same values up to rounding.

Axes: R replica (model), B batch, N = R·B, K classes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from analogcli.nn.layers import AnalogLayer
from analogcli.nn.patch_kernels import pool_halves

aten = torch.ops.aten

HALVES = ((2, 2), (2, 2), (0, 0), (1, 1), False)
"""Kernel, stride, padding, dilation and rounding of the pooling for which torch has no fast loop on the CPU."""
RISING = (nn.Sigmoid, nn.Tanh, nn.ReLU)

Back = Callable[[Tensor], Tensor]
"""From the gradient of a layer's output to that of its input."""


def _sigmoid(layer: nn.Sigmoid, x: Tensor) -> tuple[Tensor, Back]:
    y = torch.sigmoid(x)
    return y, lambda d: aten.sigmoid_backward(d, y)


def _tanh(layer: nn.Tanh, x: Tensor) -> tuple[Tensor, Back]:
    y = torch.tanh(x)
    return y, lambda d: aten.tanh_backward(d, y)


def _relu(layer: nn.ReLU, x: Tensor) -> tuple[Tensor, Back]:
    y = torch.relu(x)
    return y, lambda d: aten.threshold_backward(d, y, 0)


def _flatten(layer: nn.Flatten, x: Tensor) -> tuple[Tensor, Back]:
    return x.flatten(layer.start_dim, layer.end_dim), lambda d: d.view(x.shape)


def _max_pool(layer: nn.MaxPool2d, x: Tensor) -> tuple[Tensor, Back]:
    pair = [f if isinstance(f, tuple) else (f, f) for f in (layer.kernel_size, layer.stride, layer.padding)]
    dilation = layer.dilation if isinstance(layer.dilation, tuple) else (layer.dilation, layer.dilation)
    form = (*pair, dilation, layer.ceil_mode)
    if form == HALVES and x.device.type == "cpu":
        y = x.new_empty(*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2)
        place = torch.empty_like(y, dtype=torch.int64)
        pool_halves(x.numpy(), y.numpy(), place.numpy())
    else:
        y, place = aten.max_pool2d_with_indices(x, *form)
    return y, lambda d: aten.max_pool2d_with_indices_backward(d, x, *form, place)


LINKS: dict[type[nn.Module], Callable[[Any, Tensor], tuple[Tensor, Back]]] = {
    nn.Sigmoid: _sigmoid,
    nn.Tanh: _tanh,
    nn.ReLU: _relu,
    nn.Flatten: _flatten,
    nn.MaxPool2d: _max_pool,
}


class Chain:
    """R models as one chain of layers that ends in log-probabilities."""

    def __init__(self, layers: Sequence[nn.Module], replicas: int) -> None:
        self.layers, self.replicas = layers, replicas
        self._first = next(layer for layer in layers if isinstance(layer, AnalogLayer))

    @classmethod
    def of(cls, network: nn.Module, replicas: int) -> "Chain | None":
        """Return ``network`` as a chain, or None if it is not made of analog layers and the links alone."""
        if not isinstance(network, nn.Sequential) or not isinstance(network[-1], nn.LogSoftmax):
            return None
        layers = list(network)[:-1]
        known = all(isinstance(layer, AnalogLayer) or type(layer) in LINKS for layer in layers)
        analog = any(isinstance(layer, AnalogLayer) for layer in layers)
        return cls(_pooled_first(layers), replicas) if known and analog else None

    @torch.no_grad()
    def forward_backward(self, x: Tensor, y_N: Tensor) -> Tensor:
        """Return the losses [R]; afterwards parameters have their gradients and arrays what they learn from."""
        back: list[Back] = []
        for layer in self.layers:
            if isinstance(layer, AnalogLayer):
                x, way = layer.link(x, needs_gradient=layer is not self._first)
            else:
                x, way = LINKS[type(layer)](layer, x)
            back.append(way)
        log_p_NK = torch.log_softmax(x, 1)
        y_N1 = y_N[:, None]
        loss_R = log_p_NK.gather(1, y_N1).view(self.replicas, -1).mean(1).neg_()
        d = log_p_NK.exp_()
        d.scatter_add_(1, y_N1, d.new_full((1, 1), -1.0).expand_as(y_N1)).div_(len(y_N) // self.replicas)
        for layer, way in zip(reversed(self.layers), reversed(back), strict=True):
            d = way(d)
            if layer is self._first:
                return loss_R
        return loss_R


def _pooled_first(layers: Sequence[nn.Module]) -> list[nn.Module]:
    """Return ``layers`` with every max pooling before the rising activations in front of it."""
    out: list[nn.Module] = []
    for layer in layers:
        at = len(out)
        while isinstance(layer, nn.MaxPool2d) and at and isinstance(out[at - 1], RISING):
            at -= 1
        out.insert(at, layer)
    return out
