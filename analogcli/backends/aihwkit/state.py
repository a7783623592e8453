"""All that a network on AIHWKit's tiles remembers, as a flat dict of plain tensors, and back.

Names: ``<tile>.tile.weights``, ``<tile>.tile.hidden.<parameter>`` (bounds, pulse sizes, fast and slow array, …),
``<tile>.tile.extra.<counter>`` (the transfer's clock and cursor, …), and ``digital.<name>`` for biases and scales.

AIHWKit's own checkpoint is not used: it needs pickle, and reading it back empties the fast array of Tiki-Taka (seen on
1.1.0 and 1.2.0), because it writes the weights after the hidden parameters. The digital sum of mixed precision has no
way back at all (seen on 1.1.0): setting the hidden parameters empties it, so that it is learnt anew, exactly. What
reads see of devices with write noise has none either: whatever is written gets fresh noise. The states that pulses act
on come back exactly, with new noise of reads around them; those of hidden arrays do not, and are refused. Counters pass
through 32-bit floats inside AIHWKit and are exact up to 2²⁴ times their largest factor of two.
"""

from collections.abc import Iterator
from typing import Any

import torch
from aihwkit.optim.context import AnalogContext
from torch import Tensor

from analogcli.errors import BackendError

STATE = "persistent_weights"
"""AIHWKit's name for what pulses act on, where reads see something else."""
SUM = "hidden_weights_chi"
"""AIHWKit's name for the sum of mixed precision."""


def dump(model: Any) -> dict[str, Tensor]:
    """Return a copy of the complete state of ``model`` on the CPU."""
    state = {f"digital.{name}": _copy(tensor) for name, tensor in _digital(model)}
    for name, tile in model.named_analog_tiles():
        state[f"{name}.tile.weights"] = _copy(tile.tile.get_weights())
        for key, tensor in tile.get_hidden_parameters().items():
            state[f"{name}.tile.hidden.{key}"] = _copy(tensor)
        for key, numbers in tile.tile.dump_extra().items():
            state[f"{name}.tile.extra.{key}"] = torch.tensor(numbers, dtype=torch.float64)
    return state


@torch.no_grad()
def load(model: Any, state: dict[str, Tensor]) -> None:
    """Put ``state`` back into a ``model`` that was built from the same spec.

    Raises:
        BackendError: the state has other names or shapes than this model, or AIHWKit has no way to write it.
    """
    here = {name: tensor.shape for name, tensor in dump(model).items()}
    there = {name: tensor.shape for name, tensor in state.items()}
    # Extras of length 0, and those that are not there, are what AIHWKit has not needed yet: counters, and the noise on
    # the weights of a mini-batch.
    names = [name for name in here.keys() | there.keys() if ".tile.extra." not in name]
    differing = sorted(name for name in names if here.get(name) != there.get(name))
    if differing:
        raise BackendError(
            f"the checkpoint does not fit this model on the installed AIHWKit ({differing[0]} and "
            f"{len(differing) - 1} more differ); resume with the AIHWKit version that wrote it"
        )
    for name, tensor in _digital(model):
        tensor.copy_(state[f"digital.{name}"])
    for name, tile in model.named_analog_tiles():
        hidden = {key: state[f"{name}.tile.hidden.{key}"] for key in tile.tile.get_hidden_parameter_names()}
        if f"{STATE}_0" in hidden:
            # Setting these adds noise to the state itself, twice (seen on 1.1.0).
            raise BackendError(
                "AIHWKit cannot read back several arrays of devices with write noise without changing them; "
                "train the run anew with --again, on --backend native if it is to be resumed"
            )
        weights = hidden.get(STATE, state[f"{name}.tile.weights"])
        prefix = f"{name}.tile.extra."
        extra = {key.removeprefix(prefix): numbers.tolist() for key, numbers in state.items() if key.startswith(prefix)}
        # In this order: weights are clipped to the bounds among the hidden parameters when they are written, writing
        # them empties the fast array among the hidden parameters, and setting those may re-estimate the granularity,
        # which is among the extras, as are the counters that learning a sum anew moves. Where there are no devices
        # nothing is hidden.
        if hidden:
            tile.tile.set_hidden_parameters(torch.stack(list(hidden.values())))
        tile.tile.set_weights(weights)
        if "hidden_weights_0" in hidden:
            tile.tile.set_hidden_parameters(torch.stack(list(hidden.values())))
        if SUM in hidden:
            _learn_sum(tile, hidden[SUM])
        tile.tile.load_extra(extra, True)


@torch.no_grad()
def load_weights(model: Any, state: dict[str, Tensor]) -> None:
    """Put the visible weights and the digital part of ``state`` into a ``model`` on other tiles of the same shapes."""
    for name, tensor in _digital(model):
        if f"digital.{name}" in state:
            tensor.copy_(state[f"digital.{name}"])
    for name, tile in model.named_analog_tiles():
        tile.tile.set_weights(state[f"{name}.tile.weights"])


def _learn_sum(tile: Any, chi_OI: Tensor) -> None:
    """Bring the empty sum of a mixed-precision tile to ``chi_OI``: chi ← 1 · d xᵀ, x = e_j, d = column j of chi.

    Nothing is written meanwhile: a write is due where the count of vectors is a multiple of the batch, and not at 0.
    """
    tile.set_learning_rate(1.0)
    chi_OI = chi_OI.to(tile.device)
    tile.tile.update(torch.eye(chi_OI.shape[1], device=chi_OI.device), chi_OI.T.contiguous(), False)


def _digital(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield biases, learned output scales and mapping scales; the weights of inference tiles are no parameter here."""
    for name, parameter in model.named_parameters():
        if not isinstance(parameter, AnalogContext) and not name.endswith("shared_weights"):
            yield name, parameter.detach()
    yield from model.named_buffers()


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().clone().contiguous()
