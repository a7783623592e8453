"""With a perfect periphery an analog layer is the torch layer; its learning is the mean-field update of every tile."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear

from analogcli.algorithms import analog_sgd
from analogcli.nn import AnalogConv2d, AnalogLayer, AnalogLinear, Chip, split_sizes
from analogcli.spec import IO, Mapping, Periphery, SoftBounds, Update

MEAN_FIELD = Update(fidelity="mean-field")
PERFECT = Periphery.model_validate({"forward": {"perfect": True}, "backward": {"perfect": True}})
IDEAL = SoftBounds(tau=1e6, dw_min_dtod=0, w_max_dtod=0, w_min_dtod=0, up_down_dtod=0)
"""So wide that F = 1 and G = 0: learning is then plain SGD."""


def chip(periphery: Periphery = PERFECT, **mapping: object) -> Chip:
    return Chip(
        IDEAL,
        periphery,
        Mapping.model_validate(mapping),
        Update(fidelity="mean-field"),
        0,
        torch.Generator().manual_seed(0),
    )


def init() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.mark.parametrize(
    ("size", "largest", "sizes"),
    [(784, 512, [392, 392]), (512, 512, [512]), (2048, 512, [512] * 4), (10, 4, [4, 3, 3]), (900, 0, [900])],
)
def test_layers_are_cut_into_equal_parts(size: int, largest: int, sizes: list[int]) -> None:
    assert split_sizes(size, largest) == sizes


MAPPINGS: list[dict[str, object]] = [
    {},
    {"max_input_size": 3, "max_output_size": 2},
    {"max_input_size": 5, "learn_out_scaling": True},
    {"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True, "max_output_size": 3},
]


def assert_is_torch(
    layer: AnalogLayer, x: Tensor, y_torch: Tensor, weight: Tensor, bias: Tensor, x_torch: Tensor
) -> None:
    """Same output, same gradients, and one step of learning is one step of SGD."""
    y = layer(x)
    torch.testing.assert_close(y, y_torch)
    probe = torch.randn(y.shape, generator=torch.Generator().manual_seed(9))
    (y * probe).sum().backward()  # type: ignore[no-untyped-call]
    (y_torch * probe).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None and x_torch.grad is not None and weight.grad is not None
    torch.testing.assert_close(x.grad, x_torch.grad)
    torch.testing.assert_close(layer.bias.grad, bias.grad)
    torch.testing.assert_close(layer.array.gradient().reshape(weight.shape), weight.grad)
    layer.learn(analog_sgd.step, 0.1)
    torch.testing.assert_close(layer.weights(), weight.detach() - 0.1 * weight.grad, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_linear_is_torch_linear(mapping: dict[str, object]) -> None:
    layer = AnalogLinear(7, 5, "a", chip(**mapping), init())
    weight = layer.weights().requires_grad_()
    bias = layer.bias.detach().clone().requires_grad_()
    x, x_torch = (torch.randn(4, 7, generator=init()).requires_grad_() for _ in range(2))
    assert_is_torch(layer, x, linear(x_torch, weight, bias), weight, bias, x_torch)


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("geometry", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": 2}])
def test_convolution_is_torch_convolution(mapping: dict[str, object], geometry: dict[str, int]) -> None:
    layer = AnalogConv2d(2, 4, 3, "a", chip(**mapping), init(), **geometry)
    weight = layer.weights().requires_grad_()
    bias = layer.bias.detach().clone().requires_grad_()
    x, x_torch = (torch.randn(2, 2, 8, 7, generator=init()).requires_grad_() for _ in range(2))
    assert_is_torch(layer, x, conv2d(x_torch, weight, bias, **geometry), weight, bias, x_torch)  # type: ignore[arg-type]


def test_out_scale_has_the_gradient_of_its_tile() -> None:
    layer = AnalogLinear(6, 4, "a", chip(max_input_size=3, learn_out_scaling=True), init())
    x = torch.randn(5, 6)
    layer(x).square().sum().backward()
    assert layer.out_scale is not None and layer.out_scale.grad is not None
    weight, scale = layer.weights(), torch.ones(2, requires_grad=True)
    y = x[:, :3] @ weight[:, :3].T * scale[0] + x[:, 3:] @ weight[:, 3:].T * scale[1] + layer.bias.detach()
    y.square().sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(layer.out_scale.grad, scale.grad)


def test_the_out_scale_is_part_of_the_weight_that_the_forward_pass_sees() -> None:
    layer = AnalogLinear(6, 4, "a", chip(max_input_size=3, learn_out_scaling=True), init())
    assert layer.out_scale is not None
    layer.out_scale.data.copy_(torch.tensor([2.0, -0.5]))
    x = torch.randn(5, 6)
    torch.testing.assert_close(layer(x), x @ layer.weights().T + layer.bias)


def test_updates_see_the_exact_input_and_gradient_whatever_the_converters_do() -> None:
    coarse = Periphery(forward=IO(inp_steps=2, out_steps=2))
    layer = AnalogLinear(7, 5, "a", chip(coarse), init())
    before, x, d = layer.weights(), torch.randn(3, 7), torch.randn(3, 5)
    layer(x).backward(d)
    layer.learn(analog_sgd.step, 0.1)
    torch.testing.assert_close(layer.weights() - before, -0.1 * d.T @ x, atol=1e-5, rtol=1e-4)


def test_learning_needs_a_backward_pass() -> None:
    with pytest.raises(RuntimeError, match="backward pass"):
        AnalogLinear(2, 2, "a", chip(), init()).learn(analog_sgd.step, 0.1)
