"""Fully connected network, in the papers 784-256-128-10 with sigmoids (AIHWKit's example 3)."""

from collections import OrderedDict
from itertools import pairwise

from torch.nn import Flatten, Linear, LogSoftmax, Module, ReLU, Sequential, Sigmoid, Tanh

from analogcli.nn.models.shape import ImageShape
from analogcli.spec import FcnModel

ACTIVATIONS: dict[str, type[Module]] = {"sigmoid": Sigmoid, "tanh": Tanh, "relu": ReLU}


def build_fcn(model: FcnModel, shape: ImageShape) -> Module:
    """Return Flatten, then Linear and activation for every hidden layer, then Linear and LogSoftmax."""
    sizes = [shape.channels * shape.height * shape.width, *model.hidden, shape.n_classes]
    modules: OrderedDict[str, Module] = OrderedDict(flatten=Flatten())
    for i, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        modules[f"linear{i}"] = Linear(n_in, n_out)
        if i <= len(model.hidden):
            modules[f"{model.activation}{i}"] = ACTIVATIONS[model.activation]()
    modules["log_softmax"] = LogSoftmax(dim=1)
    return Sequential(modules)
