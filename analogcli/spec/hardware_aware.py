"""Hardware-aware training, and the phase-change memory that trained weights are written onto afterwards.

Names and defaults are those of AIHWKit's ``InferenceRPUConfig``.
"""

from typing import Literal

from pydantic import Field

from analogcli.spec.base import Spec


class WeightModifier(Spec):
    """Noise on the weights that one training mini-batch sees, forwards and backwards; the true weights learn."""

    std_dev: float = Field(0.0, ge=0)
    """Standard deviation of normal noise on every weight [units of the largest weight]; 0: none (AIHWKit: ADD_NORMAL).
    """
    rel_to_actual_wmax: bool = True
    """Whether the largest weight is that of the tile as it is; false: assumed_wmax."""
    assumed_wmax: float = Field(1.0, gt=0)
    """Largest weight that is assumed without rel_to_actual_wmax [weight units]."""
    pdrop: float = Field(0.0, ge=0, lt=1)
    """Drop connect: probability that a weight is 0 in a mini-batch."""


class WeightClip(Spec):
    """Bounds that the weights of a tile are clipped to after every mini-batch; the tighter of the two counts."""

    fixed_value: float = Field(0.0, ge=0)
    """Largest absolute weight [weight units]; 0: no such bound (AIHWKit: FIXED_VALUE)."""
    sigma: float = Field(0.0, ge=0)
    """Largest absolute weight [standard deviations of the tile's weights]; 0: no such bound (AIHWKit: LAYER_GAUSSIAN).
    """


class PcmInference(Spec):
    """Weights on pairs of phase-change devices: programming noise, drift, read noise and its compensation."""

    g_max: float = Field(25.0, gt=0)
    """Conductance that the largest weight of a tile is programmed to [µS]."""
    t_0: float = Field(20.0, gt=0)
    """Time from programming to the first read, from which on drift counts [s]."""
    t_read: float = Field(250e-9, gt=0)
    """Duration of a read [s]."""
    prog_noise_scale: float = Field(1.0, ge=0)
    """Factor on the programming noise."""
    read_noise_scale: float = Field(1.0, ge=0)
    """Factor on the read noise, which grows with time."""
    drift_scale: float = Field(1.0, ge=0)
    """Factor on the drift coefficients."""
    drift_compensation: Literal["global", "none"] = "global"
    """global: a digital factor on each tile's output brings its mean absolute response back to what it was when
    programmed."""


class HardwareAware(Spec):
    """Hardware-aware training: SGD in digital, with the forward reads and the noise of the chip to infer on.

    Weights change exactly as asked for, which is what ideal devices do (AIHWKit: InferenceRPUConfig).
    """

    kind: Literal["hwa"] = "hwa"
    modifier: WeightModifier = WeightModifier()
    """Noise on the weights of each training mini-batch."""
    clip: WeightClip = WeightClip()
    """Bounds of the weights."""
    inference: PcmInference = PcmInference()
    """What the trained weights are meant to be written onto; `analog infer` takes it as its default."""
