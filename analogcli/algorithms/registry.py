"""Every algorithm by the ``kind`` of its spec; tests parametrise over this dictionary."""

from collections.abc import Callable
from typing import Any

from analogcli.algorithms.analog_sgd import AnalogSgdCell
from analogcli.crossbar import Cell, CrossbarArray
from analogcli.spec import Algorithm, Update

MakeArray = Callable[[str], CrossbarArray]
"""Returns a new array of the tile's shape; its devices follow from the model's seed, the tile's name and this name."""


CELLS: dict[str, Callable[[Any, Update, MakeArray], Cell]] = {
    "analog-sgd": lambda algorithm, update, make: AnalogSgdCell(make(""), update),
}
"""Called with the algorithm's spec, the gradient's pulses, and what makes arrays."""


def build_cell(algorithm: Algorithm, update: Update, make: MakeArray) -> Cell:
    """Return the untrained cell of ``algorithm``."""
    return CELLS[algorithm.kind](algorithm, update, make)
