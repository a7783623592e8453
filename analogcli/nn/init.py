"""Initial weights: U(±1/√fan_in) for weight and bias, torch's default for linear and convolutional layers.

They come from an explicit generator and not from torch's global one, layer after layer in the order of the network, so
that a seed means the same initial weights on every engine.
"""

import math

import torch
from torch import Tensor
from torch.nn import Conv2d, Linear, Module


def initial_weights(shape: tuple[int, ...], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a weight [O, I, …] and a bias [O] on the generator's device; fan_in is the product of all axes but O."""
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    device = generator.device
    weight = torch.empty(shape, device=device).uniform_(-bound, bound, generator=generator)
    bias_O = torch.empty(shape[0], device=device).uniform_(-bound, bound, generator=generator)
    return weight, bias_O


@torch.no_grad()
def initialise(network: Module, generator: torch.Generator) -> None:
    """Draw the weights of all linear and convolutional layers; other modules get torch's own initial state.

    A layer without bias draws one all the same, so that the weights of the layers after it do not depend on it.
    """
    for module in network.modules():
        if isinstance(module, Linear | Conv2d):
            weight, bias_O = initial_weights(tuple(module.weight.shape), generator)
            module.weight.copy_(weight)
            if module.bias is not None:
                module.bias.copy_(bias_O)
        else:
            reset = getattr(module, "reset_parameters", None)
            if reset is not None:
                reset()
