"""What the update of a network's arrays costs on a chip, by the formulas of the multi-tile paper.

::

    O outputs and I inputs of a layer, B images of a mini-batch, n_s updates for each transfer

                digital storage [B]   memory [bit]   floating-point operations   time without these [ns]
    analog-sgd  2 I                   1              2 I                         l t_sp
    tt-v2       O I + 2 I             16 I / n_s     2 I + 2 I / n_s             (l + 1/n_s) t_sp + t_M / n_s
    mp          O I + 2 I B           16 O I / B     2 O I + I                   O/B t_sp
    resl        2 I                   1              2 I                         l t_sp n_s/(n_s − 1) + t_M/(n_s − 1)

    l = 5 pulses, t_sp = 5 ns, t_M = 40 ns; 0.7 TFLOPS for 4 tiles, 0.175 operations a ps for each
    area      O I (400 nm)² for each array; an array of reference devices stands beside every one
    energy    of one image through the perceptron 785-250-10: mp 83.2 nJ, resl of N + 1 tiles 12.82 + 9.44 N nJ

Layers work side by side: the time of a network is that of its slowest layer; everything else adds up. n_s of resl is
the ratio of the periods of an endless cascade, 2 in the paper's estimates; the experiments have 3 or more.

The paper writes D for O and I and O(…) for the storage; which is which, and that a value takes a byte, is what gives
its estimates. Of these some are not what the formulas give:

* mp on LeNet-5 and ResNet-18, 457.4 and 13,528 ns, has O I + I operations, half of the formula's; the estimate for
  D = 512 has all of them.
* The storage of tt-v2 and mp on LeNet-5, 80.2 and 94.8 KB, is in units of 1,024 bytes, all others in those of 1,000.
* The storage of tt-v2 and mp and the area of ResNet-18 are those of 100 classes; with 10 they are 0.5 % smaller.

The energy of other networks is that of the perceptron times the ratio of multiplications of an image; that is ours.

Source: arXiv 2510.02516, appendix I, tables 5 to 8.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import Conv2d, Linear, Module

from analogcli.errors import UsageError
from analogcli.nn.models import MODELS, ImageShape, on_arrays
from analogcli.spec import MlpModel, Model, MultiTileResidual, RunSpec

Method = Literal["analog-sgd", "tt-v2", "mp", "resl"]
METHODS: tuple[Method, ...] = ("analog-sgd", "tt-v2", "mp", "resl")
METHOD_OF: dict[str, Method] = {
    "analog-sgd": "analog-sgd",
    "tt-v2": "tt-v2",
    "tt-v2-chopped": "tt-v2",
    "mp": "mp",
    "resl": "resl",
}
"""The method whose formulas an algorithm has, by its kind."""
PULSES = 5
PULSE_NS = 5.0
READ_NS = 40.0
OPERATIONS_PER_NS = 175.0
PITCH_MM = 400e-6
PERCEPTRON_PRODUCTS = 785 * 250 + 250 * 10


@dataclass(frozen=True)
class Terms:
    """What the formulas are given besides the layers."""

    batch: int
    """Images of a mini-batch (paper: B)."""
    updates_per_transfer: float = 2.0
    """Paper: n_s."""
    tiles: int = 4
    """Tiles of resl (paper: N + 1)."""

    def __post_init__(self) -> None:
        if self.updates_per_transfer <= 1:
            raise UsageError(
                f"n_s = {self.updates_per_transfer:g} is not allowed; the formula of resl needs more than one update "
                "for each transfer"
            )


@dataclass(frozen=True)
class Layer:
    """A layer on arrays."""

    name: str
    outputs: int
    inputs: int
    """Columns of its array; of a convolution channels times kernel."""
    positions: int = 1
    """Vectors that an image is for it."""

    @property
    def weights(self) -> int:
        """Cross points of one array."""
        return self.outputs * self.inputs


@dataclass(frozen=True)
class Cost:
    """What one layer, or a network, costs."""

    arrays: int
    """Arrays, those of reference devices among them."""
    area_mm2: float
    storage_bytes: float
    memory_bits: float
    """Read and written in an update."""
    operations: float
    """Floating-point operations of an update."""
    time_ns: float
    """Of an update."""
    energy_nj: float | None
    """Of one image; None where the paper has none."""


def cost(layer: Layer, method: Method, terms: Terms) -> Cost:
    """Return what a layer costs under a method."""
    outputs, inputs, n_s = layer.outputs, layer.inputs, terms.updates_per_transfer
    storage, memory, operations, time = {
        "analog-sgd": (2 * inputs, 1.0, 2 * inputs, PULSES * PULSE_NS),
        "tt-v2": (
            layer.weights + 2 * inputs,
            16 * inputs / n_s,
            2 * inputs * (1 + 1 / n_s),
            (PULSES + 1 / n_s) * PULSE_NS + READ_NS / n_s,
        ),
        "mp": (
            layer.weights + 2 * inputs * terms.batch,
            16 * layer.weights / terms.batch,
            2 * layer.weights + inputs,
            outputs / terms.batch * PULSE_NS,
        ),
        "resl": (2 * inputs, 1.0, 2 * inputs, (PULSES * PULSE_NS * n_s + READ_NS) / (n_s - 1)),
    }[method]
    perceptron = {"mp": 83.2, "resl": 12.82 + 9.44 * (terms.tiles - 1)}.get(method)
    share = layer.weights * layer.positions / PERCEPTRON_PRODUCTS
    arrays = 2 * {"tt-v2": 2, "resl": terms.tiles}.get(method, 1)
    return Cost(
        arrays=arrays,
        area_mm2=arrays * layer.weights * PITCH_MM**2,
        storage_bytes=storage,
        memory_bits=memory,
        operations=operations,
        time_ns=time + operations / OPERATIONS_PER_NS,
        energy_nj=None if perceptron is None else perceptron * share,
    )


def total(costs: Iterable[Cost]) -> Cost:
    """Return what layers cost together; they work at the same time."""
    each = list(costs)
    energies = [c.energy_nj for c in each if c.energy_nj is not None]
    return Cost(
        arrays=sum(c.arrays for c in each),
        area_mm2=sum(c.area_mm2 for c in each),
        storage_bytes=sum(c.storage_bytes for c in each),
        memory_bits=sum(c.memory_bits for c in each),
        operations=sum(c.operations for c in each),
        time_ns=max(c.time_ns for c in each),
        energy_nj=sum(energies) if len(energies) == len(each) else None,
    )


def method_of(spec: RunSpec) -> Method:
    """Return whose formulas a run's algorithm has.

    Raises:
        UsageError: it has none.
    """
    if spec.algorithm.kind not in METHOD_OF:
        known = ", ".join(METHODS)
        raise UsageError(f"there are formulas for {known}, not for {spec.algorithm.kind}; choose one with --setting")
    return METHOD_OF[spec.algorithm.kind]


def terms_of(spec: RunSpec, updates_per_transfer: float) -> Terms:
    """Return what the formulas need of a run."""
    tiles = spec.algorithm.tiles if isinstance(spec.algorithm, MultiTileResidual) else Terms.tiles
    return Terms(spec.task.batch_size, updates_per_transfer, tiles)


def layers_of(model: Model | MlpModel, shape: ImageShape) -> list[Layer]:
    """Return the layers of a network that lie on arrays, in the order of their names; nothing is computed for it."""
    found: list[Layer] = []

    def seen(name: str, module: Module, output: Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, Tensor)
        positions = output[0].numel() // len(weight)
        found.append(Layer(name, len(weight), weight[0].numel(), positions))

    with torch.device("meta"):
        network = MODELS[model.kind](model, shape).eval()
        select = on_arrays(model, network)
        for name, module in network.named_modules():
            if isinstance(module, Linear | Conv2d) and select(name, module):
                module.register_forward_hook(lambda module, _, output, name=name: seen(name, module, output))
        network(torch.empty(1, shape.channels, shape.height, shape.width))
    return found


@dataclass(frozen=True)
class Estimate:
    """What the paper gives for a network under one method."""

    storage_kb: float
    time_ns: float


@dataclass(frozen=True)
class Estimates:
    """What the paper gives for a network, and how that network is known."""

    network: str
    layers: int
    inputs: int
    """Sum over the layers."""
    batch: int
    area_mm2: float
    """Of one array for each layer."""
    of_method: dict[Method, Estimate]


PUBLISHED = (
    Estimates(
        "LeNet-5",
        layers=4,
        inputs=1_065,
        batch=8,
        area_mm2=0.0128,
        of_method={
            "analog-sgd": Estimate(2.13, 30.9),
            "tt-v2": Estimate(80.2, 56.3),
            "mp": Estimate(94.8, 457.4),
            "resl": Estimate(2.13, 95.9),
        },
    ),
    Estimates(
        "ResNet-18, layer3, layer4 and fc",
        layers=11,
        inputs=25_088,
        batch=128,
        area_mm2=1.69,
        of_method={
            "analog-sgd": Estimate(50.2, 77.7),
            "tt-v2": Estimate(10_600, 126.5),
            "mp": Estimate(17_000, 13_528),
            "resl": Estimate(50.2, 142.7),
        },
    ),
)


def published(layers: Sequence[Layer], terms: Terms) -> Estimates | None:
    """Return the paper's estimates for a network of these layers, or None where it has none."""
    size = (len(layers), sum(layer.inputs for layer in layers), terms.batch, terms.updates_per_transfer)
    return next((e for e in PUBLISHED if (e.layers, e.inputs, e.batch, Terms.updates_per_transfer) == size), None)
