"""Every algorithm by the ``kind`` of its spec; tests parametrise over this dictionary."""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

from analogcli.algorithms.agad import AgadCell
from analogcli.algorithms.analog_sgd import AnalogSgdCell
from analogcli.algorithms.buffered_tiki_taka import BufferedTikiTakaCell
from analogcli.algorithms.chopped_tiki_taka import ChoppedTikiTakaCell
from analogcli.algorithms.hardware_aware import HardwareAwareCell
from analogcli.algorithms.mixed_precision import MixedPrecisionCell
from analogcli.algorithms.multi_tile_residual import MultiTileResidualCell
from analogcli.algorithms.residual_learning import ResidualLearningCell
from analogcli.algorithms.tiki_taka import TikiTakaCell
from analogcli.algorithms.vector import VectorCell
from analogcli.crossbar import Cell, CrossbarArray
from analogcli.spec import Algorithm, Device, Update


class MakeArray(Protocol):
    """What makes the arrays of a tile."""

    def __call__(self, name: str, device: Device | None = None, /) -> CrossbarArray:
        """Return a new array of the tile's shape, of the run's devices or of others.

        Which devices it gets follows from the model's seed, the tile's name and ``name``.
        """
        ...


MakeCell = Callable[[Any, Update, MakeArray], Cell]
"""Called with the algorithm's spec, the gradient's pulses, and what makes arrays (array 0 takes the gradient)."""


def _fast_and_slow(cell: Callable[..., Cell]) -> MakeCell:
    return lambda algorithm, update, make: cell(make("0", algorithm.fast_device), make("1"), algorithm, update)


CELLS: dict[str, MakeCell] = {
    "analog-sgd": lambda algorithm, update, make: AnalogSgdCell(make(""), update),
    "vector": lambda algorithm, update, make: VectorCell(
        [make("0"), *(make(str(i), device) for i, device in enumerate(algorithm.further_devices, start=1))],
        algorithm,
        update,
    ),
    "tt-v1": _fast_and_slow(TikiTakaCell),
    "tt-v2": _fast_and_slow(BufferedTikiTakaCell),
    "tt-v2-chopped": _fast_and_slow(ChoppedTikiTakaCell),
    "c-ttv2": _fast_and_slow(ChoppedTikiTakaCell),
    "agad": _fast_and_slow(AgadCell),
    "mp": lambda algorithm, update, make: MixedPrecisionCell(make(""), algorithm, update),
    "rl-v1": _fast_and_slow(TikiTakaCell),
    "rl-v2": _fast_and_slow(ResidualLearningCell),
    "resl": lambda algorithm, update, make: MultiTileResidualCell(
        [make(str(tile)) for tile in range(algorithm.tiles)], algorithm, update
    ),
    "hwa": lambda algorithm, update, make: HardwareAwareCell(make(""), algorithm, update),
}


def build_cell(algorithm: Algorithm, update: Update, make: MakeArray) -> Cell:
    """Return the untrained cell of ``algorithm``."""
    return CELLS[algorithm.kind](algorithm, update, make)


def end_of_epoch(cell: Cell, train_loss_R: Tensor) -> None:
    """Tell ``cell`` the mean training loss of the epoch of each model [R]; only a warm start listens."""
    if isinstance(cell, MultiTileResidualCell):
        cell.end_of_epoch(train_loss_R)


def set_training(cell: Cell, training: bool) -> None:
    """Tell ``cell`` whether the reads to come are those of training; only hardware-aware training listens."""
    if isinstance(cell, HardwareAwareCell):
        cell.training = training
