"""The physics of one array: devices, periphery, update. Knows no store, no CLI and no network.

::

    draw_devices(spec.device, shape, generator) ─► ResponseLaw   q±(w), F, G and bounds of every cross point
    analog_matvec(w, x, io, generator)           ─► y            one read through DAC and ADC
    sequential_update(w, law, x, d, lr, …)       ─► w            pulse trains, one sample after the other
    mean_field_update(w, law, x, d, lr)          ─► w            one mini-batch of pulses, in the mean
    Tile                                                         the three together, with the weight mapping
"""

from analogcli.crossbar.base import Population, ResponseLaw, draw_population
from analogcli.crossbar.exponential import ExponentialLaw
from analogcli.crossbar.mean_field import mean_field_update
from analogcli.crossbar.periphery import analog_matvec
from analogcli.crossbar.power import PowerLaw
from analogcli.crossbar.registry import LAWS, draw_devices
from analogcli.crossbar.sequential import sequential_update
from analogcli.crossbar.soft_bounds import SoftBoundsLaw
from analogcli.crossbar.tile import Tile

__all__ = [
    "LAWS",
    "ExponentialLaw",
    "Population",
    "PowerLaw",
    "ResponseLaw",
    "SoftBoundsLaw",
    "Tile",
    "analog_matvec",
    "draw_devices",
    "draw_population",
    "mean_field_update",
    "sequential_update",
]
