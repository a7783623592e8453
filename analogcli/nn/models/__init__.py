"""Network definitions by the ``kind`` of their spec; layers come from a factory: one definition for every engine."""

from collections.abc import Callable
from typing import Any

from torch.nn import Sequential

from analogcli.nn.factories import Layers
from analogcli.nn.models.fcn import build_fcn
from analogcli.nn.models.lenet5 import build_lenet5
from analogcli.nn.models.shape import ImageShape
from analogcli.spec import Model

MODELS: dict[str, Callable[[Any, ImageShape, Layers], Sequential]] = {"fcn": build_fcn, "lenet5": build_lenet5}


def build_model(model: Model, shape: ImageShape, layers: Layers) -> Sequential:
    """Return the untrained network for images of ``shape``; it maps x [B, C, H, W] to log-probabilities [B, K].

    Its layers with weights are named linear1, linear2, … and conv1, conv2, … from the input on.
    """
    return MODELS[model.kind](model, shape, layers)


__all__ = ["MODELS", "ImageShape", "build_fcn", "build_lenet5", "build_model"]
