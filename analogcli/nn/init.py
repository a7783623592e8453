"""Initial weights: U(±1/√fan_in) for weight and bias, torch's default for linear and convolutional layers."""

import math

import torch
from torch import Tensor


def initial_weights(shape: tuple[int, ...], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a weight [O, I, …] and a bias [O] on the generator's device; fan_in is the product of all axes but O."""
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    device = generator.device
    weight = torch.empty(shape, device=device).uniform_(-bound, bound, generator=generator)
    bias_O = torch.empty(shape[0], device=device).uniform_(-bound, bound, generator=generator)
    return weight, bias_O
