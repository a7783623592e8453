"""Magneto-ionic double devices: a weight is the difference of two devices that pulses can only bring down.

The devices, their noise and their periphery are measured ones and belong together, so that this algorithm has no
``device``, ``periphery``, ``update`` and ``mapping`` of the crossbar engines.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from analogcli.spec.base import Spec
from analogcli.spec.custom import digest

LAWS = ("linear", "exponential")
"""Device laws that come with the engine; any other is path/to/file.py:Class."""
VOLTAGE_PER_RESISTOR_NOISE = 1e-4
"""σ_v/σ_r where only the noise of the devices is given."""


class DoubleDevice(Spec):
    """Two depression-only devices a weight, w = w₂ − w₁, one of which each gradient moves (Nano Lett. 25, 1443)."""

    kind: Literal["double-device"] = "double-device"
    law: str = "linear"
    """How a device follows its pulses: linear (under the field), exponential, or path/to/file.py:Class."""
    sha256: str = ""
    """Digest of the source file of a law of your own; filled in where it is left out."""
    clipping: float = Field(0.0, ge=0)
    """Dead zone: increments below this are not applied [pulses]; 0: none."""
    var: float = Field(0.2, ge=0)
    """Spread σ_var of the devices' response: increments are multiplied by |N(1, var)|."""
    var_drawn: Literal["once", "every-step"] = "once"
    """When a device's factor is drawn: once, as in the authors' code, or at every step, as in their description."""
    resistor_noise: float = Field(0.0, ge=0)
    """σ_r: noise of each device as it is read for the error sent to earlier layers [device units]."""
    voltage_noise: float | None = Field(None, ge=0)
    """σ_v: noise of each output of a layer, in training and test [volts]; null: 1e-4 resistor_noise."""
    read_noise: bool = False
    """Whether the forward pass, too, reads each device with σ_r: the authors' description; their code does not."""
    input_scale: float = Field(0.001, gt=0)
    """Current for an input of 1 [amperes]: I = input_scale · x in every layer."""
    init: float = Field(0.01, ge=0)
    """Initial weights are U(−init, init) [device units]; both devices begin this far below the start of their range."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_digest(cls, data: Any) -> Any:
        law = data.get("law") if isinstance(data, dict) else None
        if isinstance(law, str) and law not in LAWS and not data.get("sha256"):
            return data | {"sha256": digest(law)}
        if law in LAWS and data.get("sha256"):
            return {name: value for name, value in data.items() if name != "sha256"}
        return data

    @property
    def sigma_v(self) -> float:
        """σ_v [volts], written or following from σ_r."""
        return VOLTAGE_PER_RESISTOR_NOISE * self.resistor_noise if self.voltage_noise is None else self.voltage_noise
