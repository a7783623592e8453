"""Networks before training: initial weights from each model's seed, or where a least-squares problem starts."""

from collections.abc import Sequence

import torch
from torch.nn import Module

from analogcli.data import descend
from analogcli.nn.models import ImageShape, build_model
from analogcli.spec import ConstantStart, DigitalStart, LeastSquaresTask, Task


def build_networks(task: Task, shape: ImageShape, seeds: Sequence[int]) -> list[Module]:
    """Return one untrained network for each seed, on the CPU."""
    networks = [build_model(task.model, shape, seed) for seed in seeds]
    if isinstance(task, LeastSquaresTask):
        for network in networks:
            _start(network, task)
    return networks


@torch.no_grad()
def _start(network: Module, task: LeastSquaresTask) -> None:
    weight, *biases = network.parameters()
    match task.start:
        case ConstantStart(value=value):
            for parameter in (weight, *biases):
                parameter.fill_(value)
        case DigitalStart(steps=steps):
            for parameter, reached in zip((weight, *biases), descend(task, steps), strict=False):
                parameter.copy_(reached)
        case _:  # the weights stay as they were drawn
            for bias in biases:
                bias.zero_()
