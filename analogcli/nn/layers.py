"""Linear and convolutional layers on arrays, with a digital bias; a convolution is a product with image patches.

::

    linear:   y_RBO = W x_RBI + b
    conv2d:   the same for every patch of the image: I = C/G · k · k, and B runs over images and positions

The weights are not parameters: they learn through :meth:`AnalogLayer.learn`, by what the algorithm does to the tiles.
Bias and out scale are ordinary digital parameters. AIHWKit twins: ``AnalogLinear`` and ``AnalogConv2d``; as there,
every patch is one vector for converters, management and pulses.

Between layers the models stand behind one another in the batch: activations are [R·B, …], replica by replica, and so
are parameters along their first axis. A convolution with G groups is R·G stacked arrays.

Axes: R replica (array: replica and group), B image (or patch), C channel, H, W image, O out, I in, T tile.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import Conv2d, Linear, Module, Parameter
from torch.nn.functional import pad

from analogcli.nn.array import TileArray
from analogcli.nn.chip import Chip
from analogcli.nn.convolution import Convolution
from analogcli.nn.patches import Geometry, patches, scatter


class Passes:
    """The backward passes of a layer since it learnt last; apart from the module, which is slow to assign to."""

    def __init__(self) -> None:
        self.kept: list[tuple[Tensor, Tensor]] = []
        """Input as it came, and ∂L/∂y [R, B, O]."""
        self.learnt = True
        """Whether the arrays have learnt from them."""


class AnalogLayer(Module):
    """A layer of R models whose weights lie on the tiles of a chip."""

    bias: Parameter | None
    """[R·O], or none."""
    out_scale: Parameter | None
    """Learned digital factor on the output of every tile [R·G, T], or none."""

    def __init__(self, layers: Sequence[Linear] | Sequence[Conv2d], name: str, chip: Chip, groups: int = 1) -> None:
        """Take the weights and biases of one plain layer for each model; ``name`` decides which devices it gets."""
        super().__init__()
        self.name = name
        self.weight_shape = tuple(layers[0].weight.shape)
        weights_ROI = torch.cat(
            [layer.weight.detach().reshape(groups, len(layer.weight) // groups, -1) for layer in layers]
        )
        self.array = TileArray(name, (weights_ROI.shape[1], weights_ROI.shape[2]), groups, chip)
        self.array.set_weights(weights_ROI)
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        self.bias = Parameter(torch.cat(biases).to(chip.noise.device)) if biases else None
        scale_RT = torch.ones(self.array.shape[0], len(self.array.placed), device=chip.noise.device)
        self.out_scale = Parameter(scale_RT) if chip.mapping.learn_out_scaling else None
        self.passes = Passes()
        # The weights are not in torch's graph; this makes torch ask for a backward pass all the same.
        self._anchor = torch.empty(0, requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of all models; the backward pass fills :attr:`passes`."""
        if torch.is_autocast_enabled(x.device.type):
            # Arrays are simulated in float32, whatever the digital layers beside them compute in.
            with torch.autocast(x.device.type, enabled=False):
                return self.forward(x.float())
        y: Tensor = _Read.apply(x, self.bias, self.out_scale, self._anchor, self)  # type: ignore[no-untyped-call]
        return y

    def link(self, x: Tensor, *, needs_gradient: bool) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Return the output, and what turns its gradient into that of ``x``, filling :attr:`passes` and gradients.

        This is :meth:`forward` without torch's graph; without ``needs_gradient`` the gradient of ``x`` is left out.
        """
        scale_RT = self.out_scale
        y, parts = self.read(x, scale_RT, self.bias)

        def back(d: Tensor) -> Tensor:
            d_RBO = self.rows(d)
            self.remember(x, d_RBO)
            if self.bias is not None:
                self.bias.grad = d_RBO.sum(1).flatten()
            if scale_RT is not None:
                scale_RT.grad = self.scale_gradient(d_RBO, parts)
            return self.read_back(d_RBO, x, scale_RT) if needs_gradient else d

        return y, back

    def learn(self, lr: float) -> None:
        """Let the arrays learn from the last backward pass; call it before the digital parameters move."""
        if self.passes.learnt:
            raise RuntimeError("an array learns from a backward pass, and there has been none since it learnt last")
        scale_RT = None if self.out_scale is None else self.out_scale.detach()
        for x, d_RBO in self.passes.kept:
            self.array.update(self._vectors(x), d_RBO, lr, scale_RT)
        self.passes.learnt = True

    def train(self, mode: bool = True) -> Self:
        """Set the mode, as torch's modules do: in training some algorithms read other weights than in inference."""
        self.array.train(mode)
        return super().train(mode)

    def forget(self) -> None:
        """Let go of the inputs and gradients of the last backward pass, which are only of use for its gradient."""
        self.passes.kept, self.passes.learnt = [], True

    @torch.no_grad()
    def weights(self) -> Tensor:
        """Return the weights [R, …] that the forward pass sees, each in torch's layout."""
        return self.array.weights(self.out_scale).reshape(self.array.chip.replicas, *self.weight_shape)

    @torch.no_grad()
    def gradient(self) -> Tensor:
        """Return ∂L/∂W [R, …] of the last backward pass, for the weights that the forward pass sees."""
        gradient_ROI = torch.zeros(self.array.shape, device=self.array.chip.noise.device)
        for x, d_RBO in self.passes.kept:
            gradient_ROI += d_RBO.mT @ self._vectors(x)
        return gradient_ROI.view(self.array.chip.replicas, *self.weight_shape)

    def get_extra_state(self) -> dict[str, Tensor]:
        """Return the state of the tiles: torch's ``state_dict`` contains it."""
        return self.array.state_dict()

    def set_extra_state(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`get_extra_state`."""
        self.array.load_state_dict(state)

    def remember(self, x: Tensor, d_RBO: Tensor) -> None:
        """Keep what the next :meth:`learn` learns from."""
        if self.passes.learnt:
            self.passes.kept, self.passes.learnt = [], False
        self.passes.kept.append((x, d_RBO))

    @abstractmethod
    def read(self, x: Tensor, scale_RT: Tensor | None, bias: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Return the output, a new tensor, and, where scales are learned, what each tile gave."""

    @abstractmethod
    def rows(self, d: Tensor) -> Tensor:
        """Return the gradient of the layer's output as one of the arrays' [R, B, O]."""

    @abstractmethod
    def read_back(self, d_RBO: Tensor, x: Tensor, scale_RT: Tensor | None) -> Tensor:
        """Return the gradient of the input ``x``."""

    def scale_gradient(self, d_RBO: Tensor, parts: list[Tensor]) -> Tensor:
        """Return ∂L/∂a [R·G, T]."""
        return self.array.scale_gradient(d_RBO, parts)

    @abstractmethod
    def _vectors(self, x: Tensor) -> Tensor:
        """Return the input as the vectors [R, B, I] that the arrays see."""


class AnalogLinear(AnalogLayer):
    """y = W x + b of R models: x [R·B, …, I] to y [R·B, …, O]."""

    def __init__(self, layers: Sequence[Linear], name: str, chip: Chip) -> None:
        super().__init__(layers, name, chip)

    def read(self, x: Tensor, scale_RT: Tensor | None, bias: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Read y [R·B, …, O]."""
        y_RBO, parts = self.array.forward(self._vectors(x), scale_RT)
        if bias is not None:
            y_RBO.add_(bias if len(y_RBO) == 1 else bias.view(len(y_RBO), 1, -1))
        return y_RBO.view(*x.shape[:-1], y_RBO.shape[2]), parts

    def rows(self, d: Tensor) -> Tensor:
        """Return d [R, B, O]."""
        return d.reshape(self.array.shape[0], -1, d.shape[-1])

    def read_back(self, d_RBO: Tensor, x: Tensor, scale_RT: Tensor | None) -> Tensor:
        """Read the gradient of x [R·B, …, I]."""
        return self.array.backward(d_RBO, scale_RT).reshape(x.shape)

    def disturb(self, noise_ROI: Tensor) -> None:
        """Add noise to the gradient of the last backward pass, as one more sample for each output."""
        x, d_RBO = self.passes.kept.pop()
        x_RBI, unit_OO = self._vectors(x), torch.eye(d_RBO.shape[2], device=d_RBO.device)
        samples_RBI = torch.cat([x_RBI, noise_ROI], dim=1)
        self.passes.kept.append((samples_RBI.flatten(0, 1), torch.cat([d_RBO, unit_OO.expand(len(d_RBO), -1, -1)], 1)))

    def _vectors(self, x: Tensor) -> Tensor:
        return x.reshape(self.array.shape[0], -1, x.shape[-1])


class AnalogConv2d(AnalogLayer):
    """Convolution of R models: x [R·B, C, H, W] to y [R·B, O, H', W'], with everything that torch's Conv2d has."""

    def __init__(self, layers: Sequence[Conv2d], name: str, chip: Chip) -> None:
        first = layers[0]
        super().__init__(layers, name, chip, first.groups)
        (top, bottom), (left, right) = _padding(first)
        self.mode = "constant" if first.padding_mode == "zeros" else first.padding_mode
        symmetric = self.mode == "constant" and (top, left) == (bottom, right)
        # What unfolding cannot do itself is padded before.
        self.border = () if symmetric else (left, right, top, bottom)
        self.geometry = Geometry(
            kernel=(first.kernel_size[0], first.kernel_size[1]),
            stride=(first.stride[0], first.stride[1]),
            padding=(top, left) if symmetric else (0, 0),
            dilation=(first.dilation[0], first.dilation[1]),
            groups=first.groups,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return y [R·B, O, H', W']."""
        return super().forward(pad(x, self.border, self.mode) if self.border else x)

    def read(self, x: Tensor, scale_RT: Tensor | None, bias: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Read y [R·B, O, H', W']."""
        if x.device.type == "cpu":
            return self._on_cpu(x).forward(x, scale_RT, bias)
        y_RBO, parts = self.array.forward(self._vectors(x), scale_RT)
        if bias is not None:
            y_RBO.add_(bias.view(len(y_RBO), 1, -1))
        r, g = self.array.chip.replicas, self.geometry.groups
        h, w = self.geometry.positions(x.shape[2], x.shape[3])
        y_RGBHWO = y_RBO.view(r, g, len(x) // r, h, w, y_RBO.shape[2])
        # Channels stay innermost where there is one group: no copy is made.
        return y_RGBHWO.permute(0, 2, 1, 5, 3, 4).reshape(len(x), g * y_RBO.shape[2], h, w), parts

    def rows(self, d: Tensor) -> Tensor:
        """Return d [R·G, B·L, O], positions side by side in memory."""
        r, g = self.array.chip.replicas, self.geometry.groups
        d_RBGOL = d.reshape(r, len(d) // r, g, d.shape[1] // g, d.shape[2] * d.shape[3])
        return d_RBGOL.permute(0, 2, 3, 1, 4).reshape(r * g, d_RBGOL.shape[3], -1).mT

    def read_back(self, d_RBO: Tensor, x: Tensor, scale_RT: Tensor | None) -> Tensor:
        """Read the gradient of x [R·B, C, H, W]."""
        if x.device.type == "cpu":
            return self._on_cpu(x).backward(d_RBO.mT, scale_RT)
        x_RBI = self.array.backward(d_RBO, scale_RT)
        return scatter(x_RBI, self.geometry, self.array.chip.replicas, x.shape[2], x.shape[3])

    def scale_gradient(self, d_RBO: Tensor, parts: list[Tensor]) -> Tensor:
        """Return ∂L/∂a [R·G, T]."""
        if d_RBO.device.type == "cpu":
            return self._on_cpu(self.passes.kept[-1][0]).scale_gradient(d_RBO.mT, parts)
        return super().scale_gradient(d_RBO, parts)

    def _on_cpu(self, x: Tensor) -> Convolution:
        return Convolution(self.array, self.geometry, x.shape[2], x.shape[3])

    def _vectors(self, x: Tensor) -> Tensor:
        return patches(x, self.geometry, self.array.chip.replicas)


class _Read(torch.autograd.Function):
    """Forward and backward read as one differentiable operation; the weights themselves are not in the graph."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, bias: Tensor | None, scale_RT: Tensor | None, anchor: Tensor, layer: AnalogLayer
    ) -> Tensor:
        del anchor
        y, parts = layer.read(x, scale_RT, bias)
        ctx.layer = layer
        ctx.save_for_backward(x, scale_RT, *parts)
        # Not as a view, which torch does not let an activation change in place.
        return y.data

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        layer: AnalogLayer = ctx.layer
        x, scale_RT, *parts = ctx.saved_tensors
        d_RBO = layer.rows(d)
        layer.remember(x.detach(), d_RBO)
        grad_x = layer.read_back(d_RBO, x, scale_RT) if ctx.needs_input_grad[0] else None
        grad_bias = d_RBO.sum(1).flatten() if ctx.needs_input_grad[1] else None
        grad_scale_RT = layer.scale_gradient(d_RBO, parts) if ctx.needs_input_grad[2] else None
        return grad_x, grad_bias, grad_scale_RT, None, None


def _padding(layer: Conv2d) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the padding above and below, and left and right."""
    if layer.padding == "valid":
        return (0, 0), (0, 0)
    if layer.padding == "same":
        total = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
        (top, bottom), (left, right) = ((n // 2, n - n // 2) for n in total)
        return (top, bottom), (left, right)
    vertical, horizontal = int(layer.padding[0]), int(layer.padding[1])
    return (vertical, vertical), (horizontal, horizontal)
