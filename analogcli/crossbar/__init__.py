"""The physics of one array: devices, periphery, update. Knows no store, no CLI and no network.

::

    draw_devices(spec.device, shape, generators) ─► ResponseLaw    q±(w), F, G and bounds of every cross point
    CrossbarArray(law)                                             weights on these devices
        .pulse(x, d, lr, pulses, randomness)                       pulse trains of a mini-batch
    analog_matvec(w, x, io, randomness)          ─► y              one read through DAC and ADC
    Cell                                                           what stands at every cross point (an algorithm)
    Tile(cell, periphery, mapping)                                 a cell with converters and the weight mapping

Everything has a leading replica axis R: as many arrays of one shape, with devices and random numbers of their own.
"""

from analogcli.crossbar.array import CrossbarArray
from analogcli.crossbar.base import ResponseLaw
from analogcli.crossbar.cell import Cell
from analogcli.crossbar.custom import CustomDevice
from analogcli.crossbar.mean_field import mean_field_update
from analogcli.crossbar.pcm import PcmPairs
from analogcli.crossbar.periphery import AnalogRead, analog_matvec
from analogcli.crossbar.population import Population
from analogcli.crossbar.randomness import Randomness
from analogcli.crossbar.registry import LAWS, draw_devices
from analogcli.crossbar.table import DeviceTable
from analogcli.crossbar.tile import Tile

__all__ = [
    "LAWS",
    "AnalogRead",
    "Cell",
    "CrossbarArray",
    "CustomDevice",
    "DeviceTable",
    "PcmPairs",
    "Population",
    "Randomness",
    "ResponseLaw",
    "Tile",
    "analog_matvec",
    "draw_devices",
    "mean_field_update",
]
