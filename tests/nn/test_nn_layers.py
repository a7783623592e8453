"""With a perfect periphery analog layers are torch's, model by model; their learning is the mean-field update."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from analogcli.nn import AnalogLayer, Chip, ReplicaBatchNorm, convert_to_analog, replicate, split_sizes
from analogcli.spec import IO, Mapping, Periphery, SoftBounds, Update

PERFECT = Periphery.model_validate({"forward": {"perfect": True}, "backward": {"perfect": True}})
IDEAL = SoftBounds(tau=1e6, dw_min_dtod=0, w_max_dtod=0, w_min_dtod=0, up_down_dtod=0)
"""So wide that F = 1 and G = 0: learning is then plain SGD."""

replicas = pytest.mark.parametrize("r", [1, 3])
MAPPINGS: list[dict[str, object]] = [
    {},
    {"max_input_size": 3, "max_output_size": 2},
    {"max_input_size": 5, "learn_out_scaling": True},
    {"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True, "max_output_size": 3},
]
GEOMETRIES: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": (2, 3), "dilation": (2, 1), "padding": (1, 2), "stride": (1, 2)},
    {"kernel_size": 1, "bias": False},
    {"kernel_size": 3, "groups": 2, "padding": 1},
    {"kernel_size": 3, "groups": 4, "out_channels": 4, "stride": 2},
    {"kernel_size": (2, 3), "padding": "same", "groups": 2},
    {"kernel_size": 3, "padding": "valid"},
    {"kernel_size": 3, "padding": (1, 2), "padding_mode": "reflect"},
    {"kernel_size": (2, 3), "padding": "same", "padding_mode": "circular"},
    {"kernel_size": 3, "padding": 1, "padding_mode": "replicate", "groups": 4, "out_channels": 8},
]


def chip(r: int = 1, periphery: Periphery = PERFECT, **mapping: object) -> Chip:
    return Chip(
        IDEAL,
        update=Update(fidelity="mean-field"),
        periphery=periphery,
        mapping=Mapping.model_validate(mapping),
        seeds=range(r),
    )


def linears(r: int, **options: Any) -> list[nn.Linear]:
    torch.manual_seed(5)
    return [nn.Linear(7, 5, **options) for _ in range(r)]


def convolutions(r: int, **geometry: Any) -> list[nn.Conv2d]:
    torch.manual_seed(5)
    return [nn.Conv2d(4, **({"out_channels": 6} | geometry)) for _ in range(r)]


def analog(layers: nn.Module | list[Any], on: Chip) -> AnalogLayer:
    layer = convert_to_analog(layers, on)
    assert isinstance(layer, AnalogLayer)
    return layer


@pytest.mark.parametrize(
    ("size", "largest", "sizes"),
    [(784, 512, [392, 392]), (512, 512, [512]), (2048, 512, [512] * 4), (10, 4, [4, 3, 3]), (900, 0, [900])],
)
def test_layers_are_cut_into_equal_parts(size: int, largest: int, sizes: list[int]) -> None:
    assert split_sizes(size, largest) == sizes


def assert_is_torch(layer: AnalogLayer, plain: list[Any], shape: tuple[int, ...]) -> None:
    """Same output, same gradients, and one step of learning is one step of SGD, for each of the models."""
    g = torch.Generator().manual_seed(9)
    x = torch.randn(len(plain) * shape[0], *shape[1:], generator=g).requires_grad_()
    x_torch = [part.detach().clone().requires_grad_() for part in x.chunk(len(plain))]
    y, y_torch = layer(x), [one(part) for one, part in zip(plain, x_torch, strict=True)]
    torch.testing.assert_close(y, torch.cat(y_torch))
    probe = torch.randn(y.shape, generator=g)
    y.backward(probe)
    for one, part in zip(y_torch, probe.chunk(len(plain)), strict=True):
        one.backward(part)
    torch.testing.assert_close(x.grad, torch.cat([part.grad for part in x_torch if part.grad is not None]))
    gradients = torch.stack([one.weight.grad for one in plain])
    torch.testing.assert_close(layer.gradient(), gradients, atol=1e-5, rtol=1e-4)
    if layer.bias is not None:
        torch.testing.assert_close(layer.bias.grad, torch.cat([one.bias.grad for one in plain]))
    before = torch.stack([one.weight.detach() for one in plain])
    torch.testing.assert_close(layer.weights(), before, atol=1e-6, rtol=1e-5)
    layer.learn(0.1)
    torch.testing.assert_close(layer.weights(), before - 0.1 * gradients, atol=3e-5, rtol=1e-4)


@replicas
@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("shape", [(4, 7), (2, 3, 7), (2, 3, 2, 7)])
def test_linear_is_torch_linear(mapping: dict[str, object], shape: tuple[int, ...], r: int) -> None:
    plain = linears(r, bias=len(shape) != 3)
    assert_is_torch(analog(plain, chip(r, PERFECT, **mapping)), plain, shape)


@replicas
@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_convolution_is_torch_convolution(mapping: dict[str, object], geometry: dict[str, Any], r: int) -> None:
    plain = convolutions(r, **geometry)
    assert_is_torch(analog(plain, chip(r, PERFECT, **mapping)), plain, (2, 4, 8, 7))


def plain_networks(r: int) -> list[nn.Module]:
    """Every layer that has a digital form for several models, between others that need none."""
    torch.manual_seed(3)
    return [
        nn.Sequential(
            nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 6, (1, 3), padding=(0, 1), padding_mode="circular", bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(6, affine=False, track_running_stats=False),
            nn.Flatten(),
            nn.Linear(24, 5),
            nn.BatchNorm1d(5, momentum=None),
            nn.Linear(5, 3, bias=False),
        ).double()
        for _ in range(r)
    ]


@replicas
def test_digital_layers_of_several_models_are_the_layers_of_each(r: int) -> None:
    networks = plain_networks(r)
    together = replicate(networks, range(r))
    for step in range(3):
        x = torch.randn(r, 6, 2, 8, 8, generator=torch.Generator().manual_seed(step)).double()
        y = together(x.flatten(0, 1))
        y_torch = [network(x[i]) for i, network in enumerate(networks)]
        torch.testing.assert_close(y, torch.cat(y_torch))
        y.square().sum().backward()
        for one in y_torch:
            one.square().sum().backward()
    for name, parameter in together.named_parameters():
        gradients = torch.cat([dict(network.named_parameters())[name].grad for network in networks])  # type: ignore[misc]
        torch.testing.assert_close(parameter.grad, gradients)
    for name, statistics in together.named_buffers():
        theirs = [dict(network.named_buffers())[name] for network in networks]
        torch.testing.assert_close(statistics, torch.cat(theirs) if statistics.dim() else theirs[0])
    together.eval()
    x = torch.randn(r, 4, 2, 8, 8).double()
    y_torch = [network.eval()(x[i]) for i, network in enumerate(networks)]
    torch.testing.assert_close(together(x.flatten(0, 1)), torch.cat(y_torch))


def test_normalisations_of_several_models_keep_their_settings_and_statistics() -> None:
    plain = [nn.BatchNorm2d(3, eps=0.1, momentum=0.3, affine=False) for _ in range(2)]
    for i, layer in enumerate(plain):
        layer(torch.randn(4, 3, 2, 2) + i)
    both = replicate(plain, (0, 1))
    assert isinstance(both, ReplicaBatchNorm)
    assert (both.eps, both.momentum, both.affine) == (0.1, 0.3, False)
    assert both.running_mean is not None and both.num_batches_tracked == 1
    assert torch.equal(both.running_mean, torch.cat([layer.running_mean for layer in plain]))  # type: ignore[misc]


def test_out_scale_has_the_gradient_of_its_tile() -> None:
    layer = analog(nn.Linear(6, 4), chip(max_input_size=3, learn_out_scaling=True))
    x = torch.randn(5, 6)
    layer(x).square().sum().backward()
    assert layer.out_scale is not None and layer.out_scale.grad is not None and layer.bias is not None
    weight, scale = layer.weights()[0], torch.ones(2, requires_grad=True)
    y = x[:, :3] @ weight[:, :3].T * scale[0] + x[:, 3:] @ weight[:, 3:].T * scale[1] + layer.bias.detach()
    y.square().sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(layer.out_scale.grad[0], scale.grad)


def test_the_out_scale_is_part_of_the_weight_that_the_forward_pass_sees() -> None:
    layer = analog(nn.Linear(6, 4), chip(max_input_size=3, learn_out_scaling=True))
    assert layer.out_scale is not None and layer.bias is not None
    layer.out_scale.data.copy_(torch.tensor([[2.0, -0.5]]))
    x = torch.randn(5, 6)
    torch.testing.assert_close(layer(x), x @ layer.weights()[0].T + layer.bias)


def test_updates_see_the_exact_input_and_gradient_whatever_the_converters_do() -> None:
    layer = analog(nn.Linear(7, 5), chip(periphery=Periphery(forward=IO(inp_steps=2, out_steps=2))))
    before, x, d = layer.weights()[0], torch.randn(3, 7), torch.randn(3, 5)
    layer(x).backward(d)
    layer.learn(0.1)
    torch.testing.assert_close(layer.weights()[0] - before, -0.1 * d.T @ x, atol=1e-5, rtol=1e-4)


def test_learning_needs_a_backward_pass_and_takes_it_once() -> None:
    layer = analog(nn.Linear(2, 2, bias=False), chip())
    with pytest.raises(RuntimeError, match="backward pass"):
        layer.learn(0.1)
    layer(torch.ones(1, 2)).sum().backward()  # neither the input nor a bias asks torch for it
    layer.learn(0.1)
    with pytest.raises(RuntimeError, match="backward pass"):
        layer.learn(0.1)


def test_a_layer_that_is_used_twice_learns_from_both_uses() -> None:
    layer, x, d = analog(nn.Linear(3, 3), chip()), torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    before = layer.weights()[0]
    (layer(x[0]) * d[0] + layer(x[1]) * d[1]).sum().backward()
    torch.testing.assert_close(layer.gradient()[0], d[0].T @ x[0] + d[1].T @ x[1])
    layer.learn(0.1)
    change = -0.1 * (d[0].T @ x[0] + d[1].T @ x[1])
    torch.testing.assert_close(layer.weights()[0], before + change, atol=1e-5, rtol=1e-4)


def saved_bytes(layer: nn.Module, x: Tensor) -> int:
    """Bytes that a forward pass keeps for the backward pass, weights aside."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer(x)
    return sum(kept.values())


def test_patches_are_not_kept_for_the_backward_pass() -> None:
    plain, x = nn.Conv2d(4, 6, 5, padding=2), torch.randn(2, 4, 16, 16, requires_grad=True)
    assert saved_bytes(analog(plain, chip()), x) == saved_bytes(plain, x) == x.nbytes
