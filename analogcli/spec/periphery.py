"""What stands around the array: DAC, ADC, noise and their management (AIHWKit: IOParameters, same defaults)."""

from typing import Literal

from pydantic import Field

from analogcli.spec.base import Spec


class IO(Spec):
    """One analog matrix-vector product: input through the DAC, output through the ADC."""

    perfect: bool = False
    """True: an exact product; every other field is then without effect (AIHWKit: is_perfect)."""
    inp_bound: float = Field(1.0, gt=0)
    """DAC range ±inp_bound [normalised input units]."""
    inp_steps: int = Field(126, ge=0)
    """DAC steps over the full range, 126 = 7 bit; 0: no quantisation (AIHWKit: inp_res = 1/126)."""
    inp_noise: float = Field(0.0, ge=0)
    """Standard deviation of the noise on each input [normalised input units]."""
    out_bound: float = Field(12.0, gt=0)
    """ADC range ±out_bound [normalised output units]."""
    out_steps: int = Field(510, ge=0)
    """ADC steps over the full range, 510 = 9 bit; 0: no quantisation (AIHWKit: out_res = 1/510)."""
    out_noise: float = Field(0.06, ge=0)
    """Standard deviation of the noise on each output [normalised output units]."""
    w_noise: float = Field(0.0, ge=0)
    """Weight noise of each read [weight units]: w_noise times the length of the input vector on each output
    (AIHWKit: w_noise with ADDITIVE_CONSTANT)."""
    noise_management: Literal["abs-max", "none"] = "abs-max"
    """abs-max: scale each input vector by its largest absolute value before the DAC."""
    bound_management: Literal["iterative", "none"] = "iterative"
    """iterative: halve the input until no output clips (forward only)."""


class BackwardRead(IO):
    """The backward read; AIHWKit never applies bound management to it."""

    bound_management: Literal["none"] = "none"
    """Never applied to the backward read."""


class TransferRead(IO):
    """The read of one column of a fast array; AIHWKit switches both managements off for it."""

    noise_management: Literal["none"] = "none"
    """Never applied to a transfer read."""
    bound_management: Literal["none"] = "none"
    """Never applied to a transfer read."""


class Periphery(Spec):
    """Forward and backward reads of the array; updates see the exact digital x and d, as in AIHWKit."""

    forward: IO = IO()
    """Forward read, y = W x."""
    backward: BackwardRead = BackwardRead()
    """Backward read, Wᵀ d."""
