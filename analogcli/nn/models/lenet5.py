"""LeNet-5 as the papers train it: two 5×5 convolutions, two linear layers, tanh (AIHWKit's example 4).

The tanh after the second pooling is a second one on the same values; published results include it, and so does this.
"""

from collections import OrderedDict

from torch.nn import Conv2d, Flatten, Linear, LogSoftmax, MaxPool2d, Module, Sequential, Tanh

from analogcli.errors import SpecError
from analogcli.nn.models.shape import ImageShape
from analogcli.spec import LeNet5Model

KERNEL = 5


def build_lenet5(model: LeNet5Model, shape: ImageShape) -> Module:
    """Return the network; for 1×28×28 images and the default sizes 512 values are left after the convolutions.

    Raises:
        SpecError: the images are too small for two convolutions and two poolings.
    """
    height, width = _after_convolutions(shape.height), _after_convolutions(shape.width)
    if height < 1 or width < 1:
        raise SpecError(f"task.model lenet5 needs images of 16×16 or more; these are {shape.height}×{shape.width}")
    first, second = model.channels
    modules: OrderedDict[str, Module] = OrderedDict()
    modules["conv1"] = Conv2d(shape.channels, first, KERNEL)
    modules["tanh1"] = Tanh()
    modules["pool1"] = MaxPool2d(2)
    modules["conv2"] = Conv2d(first, second, KERNEL)
    modules["tanh2"] = Tanh()
    modules["pool2"] = MaxPool2d(2)
    modules["tanh3"] = Tanh()
    modules["flatten"] = Flatten()
    modules["linear1"] = Linear(second * height * width, model.hidden)
    modules["tanh4"] = Tanh()
    modules["linear2"] = Linear(model.hidden, shape.n_outputs)
    modules["log_softmax"] = LogSoftmax(dim=1)
    return Sequential(modules)


def _after_convolutions(size: int) -> int:
    for _ in range(2):
        size = (size - KERNEL + 1) // 2
    return size
