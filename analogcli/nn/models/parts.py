"""Which parts of a network lie on arrays and which learn: what the papers' train modes and block types mean.

::

    block_type   D D D A A A                     stem, layer1 … layer4, fc of a ResNet for small images
    train_mode                    on arrays      learns
                 fft              last layer     everything
                 fix-backbone     last layer     last layer
                 fix-analog       last layer     everything but the weights on arrays
                 full-analog      all layers     everything
"""

from torch.nn import Linear, Module

from analogcli.nn.convert import Select
from analogcli.spec import MlpModel, Model, ResNetModel, TorchvisionModel
from analogcli.spec.task import STAGES


def last_layer(network: Module) -> str:
    """Return the dotted name of the last linear layer, which gives the outputs."""
    names: list[str] = [name for name, module in network.named_modules() if isinstance(module, Linear)]
    return names[-1]


def on_arrays(model: Model | MlpModel, network: Module) -> Select:
    """Return which linear and convolutional layers of the plain ``network`` lie on arrays."""
    if isinstance(model, ResNetModel):
        analog = {stage for stage, letter in zip(STAGES, model.block_type, strict=True) if letter == "A"}
        return lambda name, module: name.split(".")[0].replace("conv1", "stem") in analog
    if isinstance(model, TorchvisionModel) and model.train_mode != "full-analog":
        last = last_layer(network)
        return lambda name, module: name == last
    return lambda name, module: True


def learns(model: Model | MlpModel, network: Module) -> Select:
    """Return which layers of the plain ``network`` learn, judged by their names."""
    if isinstance(model, TorchvisionModel) and model.train_mode == "fix-backbone":
        last = last_layer(network)
        return lambda name, module: name == last
    return lambda name, module: True
