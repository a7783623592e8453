"""Any torch network as R models on a chip: chosen linear and convolutional layers on arrays, the rest beside them.

::

    nn.Linear, nn.Conv2d that are selected    AnalogLinear, AnalogConv2d         weights and biases are kept
    other modules with parameters             R = 1: as they are                 R > 1: ReplicaLinear, ReplicaConv2d,
                                                                                        ReplicaBatchNorm, else refused
    Dropout, Dropout1d, 2d, 3d                ReplicaDropout, seeded
    other modules without parameters          as they are: activations are [R·B, …], replica by replica

AIHWKit twin: ``aihwkit.nn.conversion.convert_to_analog``.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from torch.nn import BatchNorm1d, BatchNorm2d, BatchNorm3d, Conv2d, Linear, Module

from analogcli.errors import UsageError
from analogcli.nn.chip import Chip
from analogcli.nn.dropout import DROPOUT, ReplicaDropout
from analogcli.nn.layers import AnalogConv2d, AnalogLayer, AnalogLinear
from analogcli.nn.replicas import ReplicaBatchNorm, ReplicaConv2d, ReplicaLinear

Select = Callable[[str, Module], bool]
"""Whether a linear or convolutional layer goes onto arrays: its dotted name and itself."""

ANALOG: dict[type[Module], Callable[[Any, str, Chip], AnalogLayer]] = {Linear: AnalogLinear, Conv2d: AnalogConv2d}
REPLICAS: dict[type[Module], Callable[[Any], Module]] = {
    Linear: ReplicaLinear,
    Conv2d: ReplicaConv2d,
    BatchNorm1d: ReplicaBatchNorm,
    BatchNorm2d: ReplicaBatchNorm,
    BatchNorm3d: ReplicaBatchNorm,
}


def convert_to_analog(
    model: Module | Sequence[Module], chip: Chip, select: Select = lambda name, module: True
) -> Module:
    """Return ``model`` as R networks in one on ``chip``, R being the number of the chip's seeds.

    The result maps x [R·B, …], replica by replica, to y [R·B, …]; every :class:`AnalogLayer` in it learns by
    ``learn(lr)`` after a backward pass, everything else by whatever optimizer has its parameters.

    Args:
        model: a network, with whose weights all R models start, or R networks of one architecture; left as they are.
        chip: the hardware; the result lives where the chip does.
        select: which linear and convolutional layers go onto arrays; the default is all of them.

    Raises:
        UsageError: there are not R networks, or a module has parameters and no form for R > 1 models.
    """
    return _converted(model, chip.seeds, chip, select).to(chip.noise.device)


def replicate(models: Sequence[Module], seeds: Sequence[int]) -> Module:
    """Return networks of one architecture as one digital network of R models, x [R·B, …] to y [R·B, …].

    Their dropout, if they have any, follows ``seeds``, one for each.

    Raises:
        UsageError: a module has parameters and no form for R > 1 models.
    """
    return _converted(models, seeds, None, lambda name, module: False)


def analog_layers(network: Module) -> dict[str, AnalogLayer]:
    """Return the layers of ``network`` that lie on arrays, by their dotted names."""
    return {name: module for name, module in network.named_modules() if isinstance(module, AnalogLayer)}


def _converted(model: Module | Sequence[Module], seeds: Sequence[int], chip: Chip | None, select: Select) -> Module:
    replicas = len(seeds)
    models = [model] * replicas if isinstance(model, Module) else list(model)
    if len(models) != replicas:
        raise UsageError(f"{len(models)} networks for {replicas} models; give one, or one for each seed of the chip")
    named = [dict(m.named_modules()) for m in models]
    new: dict[int, Module] = {}
    for name, old in named[0].items():
        layers = [modules[name] for modules in named]
        if chip is not None and type(old) in ANALOG and select(name, old):
            new[id(old)] = ANALOG[type(old)](layers, name or "network", chip)
        elif replicas > 1 and type(old) in REPLICAS:
            new[id(old)] = REPLICAS[type(old)](layers)
        elif type(old) in DROPOUT:
            new[id(old)] = ReplicaDropout(old, seeds, name or "network")
        elif replicas > 1 and _has_state(old):
            raise UsageError(
                f"{name or 'the network'} ({type(old).__name__}) has parameters of its own and no form for several "
                "models in one network; train the models one at a time (--fuse 1, or a chip with one seed)"
            )
    # What is replaced need not be copied, and what is not in it is left as it is.
    return deepcopy(models[0], dict(new))


def _has_state(module: Module) -> bool:
    """Return whether ``module`` itself, not its children, has parameters or buffers."""
    own: Iterator[Any] = iter([*module.parameters(recurse=False), *module.buffers(recurse=False)])
    return next(own, None) is not None
