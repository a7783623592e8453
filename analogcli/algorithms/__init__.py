"""How arrays learn from a mini-batch: one file per algorithm, named as in the literature; each is a cell."""

from analogcli.algorithms.analog_sgd import AnalogSgdCell
from analogcli.algorithms.registry import CELLS, build_cell

__all__ = ["CELLS", "AnalogSgdCell", "build_cell"]
