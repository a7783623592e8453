"""A plain torch network onto AIHWKit's tiles, each tile with a device population of its own.

AIHWKit takes the construction seed from the configuration, and for compounds from the compound, not from its devices.
One configuration serves a whole network, so that a seed in it would give every tile the same devices; and 0 there
means the clock.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import count, repeat
from typing import Any

import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.rpu_base import cuda
from torch import nn

from analogcli.generators import derived_seed

# AIHWKit draws the population with the generator x ← 48271 x mod (2³¹ - 1), where s and 2³¹ - 1 - s give mirrored
# numbers. The lower half of its seeds has no such pairs.
_SEEDS = 2**30 - 1


def compiled_with_cuda() -> bool:
    """Return whether this AIHWKit has CUDA tiles."""
    return bool(cuda.is_compiled())


def on_tiles(network: nn.Module, config: Any, seeds: Iterator[int], digital: Sequence[str] = ()) -> Any:
    """Return ``network`` with its linear and convolution layers on analog tiles, weights and biases kept.

    Args:
        network: the plain torch network; it is left as it is.
        config: AIHWKit's configuration of every tile.
        seeds: construction seeds, one for each tile in the order of the layers.
        digital: dotted names of layers that stay as they are.
    """
    config = deepcopy(config)
    config.tile_class = _tile_maker(config.tile_class, seeds)
    # The layers' constructors draw initial weights that are overwritten at once.
    with torch.random.fork_rng(devices=[]):
        model = convert_to_analog(network, config, exclude_modules=list(digital))
    for module in model.modules():
        # On CUDA AIHWKit would read convolution patches by index and keep the image instead of the patches, which
        # leaves no x for the gradient.
        if isinstance(module, nn.modules.conv._ConvNd):
            module.use_indexed = False  # type: ignore[assignment]
    return model


def construction_seeds(seed: int, given: int | None) -> Iterator[int]:
    """Return the seeds of a model's tiles: the ``given`` one for all, else one each from the model's ``seed``."""
    if given is not None:
        return repeat(given)
    return (derived_seed(seed, f"devices/{tile}") % _SEEDS + 1 for tile in count())


def _tile_maker(tile_class: Callable[..., Any], seeds: Iterator[int]) -> Callable[..., Any]:
    def make(out_size: int, in_size: int, config: Any, *args: Any, **kwargs: Any) -> Any:
        config = deepcopy(config)
        config.tile_class = tile_class
        config.device.construction_seed = next(seeds)
        return tile_class(out_size, in_size, config, *args, **kwargs)

    return make
