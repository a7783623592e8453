"""How arrays learn from a mini-batch: one file per algorithm, named as in the literature; each is a cell."""

from analogcli.algorithms.agad import AgadCell
from analogcli.algorithms.analog_sgd import AnalogSgdCell
from analogcli.algorithms.buffered_tiki_taka import BufferedTikiTakaCell
from analogcli.algorithms.chopped_tiki_taka import ChoppedTikiTakaCell
from analogcli.algorithms.hardware_aware import HardwareAwareCell
from analogcli.algorithms.mixed_precision import MixedPrecisionCell
from analogcli.algorithms.multi_tile_residual import MultiTileResidualCell
from analogcli.algorithms.registry import CELLS, build_cell, end_of_epoch, set_training
from analogcli.algorithms.residual_learning import ResidualLearningCell
from analogcli.algorithms.tiki_taka import TikiTakaCell
from analogcli.algorithms.vector import VectorCell

__all__ = [
    "CELLS",
    "AgadCell",
    "AnalogSgdCell",
    "BufferedTikiTakaCell",
    "ChoppedTikiTakaCell",
    "HardwareAwareCell",
    "MixedPrecisionCell",
    "MultiTileResidualCell",
    "ResidualLearningCell",
    "TikiTakaCell",
    "VectorCell",
    "build_cell",
    "end_of_epoch",
    "set_training",
]
