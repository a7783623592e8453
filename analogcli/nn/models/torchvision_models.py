"""Networks of torchvision: MobileNet v2 (arXiv 1801.04381) and v3 (arXiv 1905.02244), ResNets for ImageNet.

They come with the stem for 224×224 pixels; smaller images pass through as well and are soon one pixel wide.
"""

from collections import OrderedDict

from torch.nn import LogSoftmax, Module, Sequential
from torch.nn.init import xavier_uniform_

from analogcli.errors import SpecError
from analogcli.generators import stream
from analogcli.nn.models.parts import last_layer
from analogcli.nn.models.shape import ImageShape
from analogcli.spec import TorchvisionModel


def build_torchvision(model: TorchvisionModel, shape: ImageShape) -> Module:
    """Return the network as ``backbone`` with LogSoftmax behind it: x [B, 3, H, W] → log-probabilities [B, K].

    Raises:
        SpecError: the images are not in colour.
    """
    # Its import takes half a second, which the small networks do not need.
    from torchvision import models

    if shape.channels != 3:
        raise SpecError(f"task.model {model.name} needs colour images; these have {shape.channels} channel(s)")
    backbone = models.get_model(model.name, weights=None, num_classes=shape.n_outputs)
    return Sequential(OrderedDict[str, Module](backbone=backbone, log_softmax=LogSoftmax(dim=1)))


def prepare_head(network: Module, model: TorchvisionModel, seed: int) -> None:
    """Draw the weights of a last layer that never learns from U(±√(6/(n_in + n_out))), as the 2025 script does."""
    if model.train_mode == "fix-analog":
        xavier_uniform_(network.get_parameter(f"{last_layer(network)}.weight"), generator=stream(seed, "init/fixed"))
