"""Every algorithm by the ``kind`` of its spec; tests parametrise over this dictionary."""

from collections.abc import Callable
from typing import Any

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
from analogcli.crossbar import Cell, CrossbarArray
from analogcli.spec import Algorithm, Update

MakeArray = Callable[[str], CrossbarArray]
"""Returns a new array of the tile's shape; its devices follow from the model's seed, the tile's name and this name."""


CELLS: dict[str, Callable[[Any, Update, MakeArray], Cell]] = {
    "analog-sgd": lambda algorithm, update, make: AnalogSgdCell(make(""), update),
    "tt-v1": lambda algorithm, update, make: TikiTakaCell(make("0"), make("1"), algorithm, update),
    "tt-v2": lambda algorithm, update, make: BufferedTikiTakaCell(make("0"), make("1"), algorithm, update),
    "tt-v2-chopped": lambda algorithm, update, make: ChoppedTikiTakaCell(make("0"), make("1"), algorithm, update),
    "c-ttv2": lambda algorithm, update, make: ChoppedTikiTakaCell(make("0"), make("1"), algorithm, update),
    "agad": lambda algorithm, update, make: AgadCell(make("0"), make("1"), algorithm, update),
    "mp": lambda algorithm, update, make: MixedPrecisionCell(make(""), algorithm, update),
    "rl-v1": lambda algorithm, update, make: TikiTakaCell(make("0"), make("1"), algorithm, update),
    "rl-v2": lambda algorithm, update, make: ResidualLearningCell(make("0"), make("1"), algorithm, update),
    "resl": lambda algorithm, update, make: MultiTileResidualCell(
        [make(str(tile)) for tile in range(algorithm.tiles)], algorithm, update
    ),
    "hwa": lambda algorithm, update, make: HardwareAwareCell(make(""), algorithm, update),
}
"""Called with the algorithm's spec, the gradient's pulses, and what makes arrays (array 0 takes the gradient)."""


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
