"""Fully connected networks: the papers' classifier 784-256-128-10 with sigmoids, and layers that predict numbers."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

from torch.nn import Flatten, Linear, LogSoftmax, Module, ReLU, Sequential, Sigmoid, Tanh

from analogcli.nn.models.shape import ImageShape
from analogcli.spec import FcnModel, MlpModel

ACTIVATIONS: dict[str, type[Module]] = {"sigmoid": Sigmoid, "tanh": Tanh, "relu": ReLU}
"""Module of each activation function; `none` has none."""


def build_fcn(model: FcnModel, shape: ImageShape) -> Module:
    """Return Flatten, then Linear and activation for every hidden layer, then Linear and LogSoftmax (example 3)."""
    modules = _layers(model.hidden, model.activation, shape)
    modules["log_softmax"] = LogSoftmax(dim=1)
    return Sequential(modules)


def build_mlp(model: MlpModel, shape: ImageShape) -> Module:
    """Return Flatten, then Linear and activation for every hidden layer, then Linear (AIHWKit's examples 1 and 2)."""
    return Sequential(_layers(model.hidden, model.activation, shape, bias=model.bias))


def _layers(
    hidden: Sequence[int], activation: str, shape: ImageShape, *, bias: bool = True
) -> OrderedDict[str, Module]:
    sizes = [shape.channels * shape.height * shape.width, *hidden, shape.n_outputs]
    modules: OrderedDict[str, Module] = OrderedDict(flatten=Flatten())
    for i, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        modules[f"linear{i}"] = Linear(n_in, n_out, bias=bias)
        if i <= len(hidden) and activation in ACTIVATIONS:
            modules[f"{activation}{i}"] = ACTIVATIONS[activation]()
    return modules
