"""Fully connected network with BatchNorm behind every layer, the last one too: that of the magneto-ionic simulations.

Its layers are named and counted as in the authors' files: layers.1 is the first linear one, layers.2 its BatchNorm.
"""

from itertools import pairwise

from torch.nn import BatchNorm1d, Flatten, Linear, LogSoftmax, Module, ReLU, Sequential, ZeroPad2d

from analogcli.nn.models.shape import ImageShape
from analogcli.spec import BatchNormFcnModel


def sizes(model: BatchNormFcnModel, shape: ImageShape) -> list[int]:
    """Return the numbers of inputs (border included), of hidden neurons and of classes."""
    inputs = shape.channels * (shape.height + 2 * model.border) * (shape.width + 2 * model.border)
    return [inputs, *model.hidden, shape.n_outputs]


def build_fcn_batchnorm(model: BatchNormFcnModel, shape: ImageShape) -> Module:
    """Return border and Flatten, then Linear, BatchNorm and ReLU for every layer but the last, then LogSoftmax."""
    modules: list[Module] = [Sequential(ZeroPad2d(model.border), Flatten())]
    for n_in, n_out in pairwise(sizes(model, shape)):
        modules += [
            Linear(n_in, n_out, bias=False),
            BatchNorm1d(n_out, affine=False, momentum=model.momentum),
            ReLU(),
        ]
    modules[-1] = LogSoftmax(dim=1)
    return Sequential(*modules)
