"""Layers whose weights lie on simulated arrays, the networks of the papers, and any torch network on a chip.

::

    models.build_model(spec, shape, seed) ─► plain torch module ┐
    any other torch module                                      ├─► convert_to_analog(model, Chip(…)) ─► R models in one
                                                                └─► replicate(models, seeds)               digital ones
"""

from analogcli.nn.array import Placed, TileArray, split_sizes
from analogcli.nn.chip import Chip
from analogcli.nn.convert import analog_layers, convert_to_analog, replicate
from analogcli.nn.dropout import ReplicaDropout
from analogcli.nn.init import initial_weights, initialise
from analogcli.nn.layers import AnalogConv2d, AnalogLayer, AnalogLinear
from analogcli.nn.replicas import ReplicaBatchNorm, ReplicaConv2d, ReplicaLinear
from analogcli.nn.summary import AnalogSummary, LayerSummary, analog_summary

__all__ = [
    "AnalogConv2d",
    "AnalogLayer",
    "AnalogLinear",
    "AnalogSummary",
    "Chip",
    "LayerSummary",
    "Placed",
    "ReplicaBatchNorm",
    "ReplicaConv2d",
    "ReplicaDropout",
    "ReplicaLinear",
    "TileArray",
    "analog_layers",
    "analog_summary",
    "convert_to_analog",
    "initial_weights",
    "initialise",
    "replicate",
    "split_sizes",
]
