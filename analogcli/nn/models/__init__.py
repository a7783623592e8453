"""Network definitions by the ``kind`` of their spec: plain torch modules, one definition for every engine."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import Module

from analogcli.generators import stream
from analogcli.nn.init import initialise
from analogcli.nn.models.fcn import build_fcn, build_mlp
from analogcli.nn.models.fcn_batchnorm import build_fcn_batchnorm
from analogcli.nn.models.lenet5 import build_lenet5
from analogcli.nn.models.parts import last_layer, learns, on_arrays
from analogcli.nn.models.pretrained import load_pretrained
from analogcli.nn.models.resnet import build_resnet
from analogcli.nn.models.shape import ImageShape
from analogcli.nn.models.torchvision_models import build_torchvision, prepare_head
from analogcli.spec import MlpModel, Model, TorchvisionModel

MODELS: dict[str, Callable[[Any, ImageShape], Module]] = {
    "fcn": build_fcn,
    "fcn-batchnorm": build_fcn_batchnorm,
    "lenet5": build_lenet5,
    "mlp": build_mlp,
    "resnet": build_resnet,
    "torchvision": build_torchvision,
}
"""Called with the model's spec and the size of the images; initial weights are drawn afterwards."""


def build_model(model: Model | MlpModel, shape: ImageShape, seed: int = 0) -> Module:
    """Return the network before training, on the CPU; it maps x [B, C, H, W] to its outputs [B, K].

    The outputs of a classifier are log-probabilities. Initial weights follow from ``seed`` (see
    :func:`analogcli.nn.initialise`), or are those that the model says; torch's global generator is not touched.

    Raises:
        UsageError: the images do not fit the network, or its weights cannot be had.
    """
    with torch.device("meta"):
        network = MODELS[model.kind](model, shape)
    network.to_empty(device="cpu")
    initialise(network, stream(seed, "init"))
    if isinstance(model, TorchvisionModel):
        load_pretrained(network, model)
        prepare_head(network, model, seed)
    return network


__all__ = [
    "MODELS",
    "ImageShape",
    "build_model",
    "last_layer",
    "learns",
    "on_arrays",
]
