"""The kinds of devices: how the pulse depends on the weight. One law each in :mod:`analogcli.crossbar`.

::

    ideal           every requested change arrives                      AIHWKit IdealDevice
    constant-step   pulses of one size                                  AIHWKit ConstantStepDevice
    linear-step     pulses that shrink linearly, hard bounds            AIHWKit LinearStepDevice
    soft-bounds     pulses that shrink to 0 at the bound                AIHWKit SoftBounds(Reference)Device, P24 ALD
    linear          soft bounds with a symmetric point at c τ           P25
    exp-step        1 − A exp(γ z)                                      AIHWKit ExpStepDevice
    pow-step        ((w_max − w)/(w_max − w_min))^γ                     AIHWKit PowStepDevice
    power           (1 − w/τ)^γ_res                                     P25
    exponential     (e^{γ_res (1 − w/τ)} − 1)/(e^γ_res − 1)             P25
    piecewise       linear between given values                         AIHWKit PiecewiseStepDevice
    custom          two formulas of the user's own

P24 is arXiv 2406.12774, P25 is arXiv 2502.06309.
"""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from analogcli.spec.base import Spec
from analogcli.spec.custom import digest
from analogcli.spec.device import PulsedDevice, TwoSidedDevice, WrittenDevice


class Ideal(Spec):
    """Devices that follow every requested change exactly, without pulses or bounds; AIHWKit's IdealDevice."""

    kind: Literal["ideal"] = "ideal"
    construction_seed: ClassVar[None] = None
    """Ideal devices do not differ, whatever the seed."""


class ConstantStep(PulsedDevice):
    """Pulses of one size up to hard bounds, q± = 1; AIHWKit's ConstantStepDevice."""

    kind: Literal["constant-step"] = "constant-step"


class LinearStep(WrittenDevice):
    """Pulses that shrink linearly up to hard bounds, q± = 1 − γ± w/w_max,min; AIHWKit's LinearStepDevice."""

    kind: Literal["linear-step"] = "linear-step"
    gamma_up: float = Field(0.0, ge=0)
    """Decrease of the up pulse from 0 to the upper bound [units of the pulse at 0]; 1 would be soft bounds."""
    gamma_down: float = Field(0.0, ge=0)
    """Decrease of the down pulse from 0 to the lower bound [units of the pulse at 0]."""
    gamma_up_dtod: float = Field(0.05, ge=0)
    """Device-to-device spread of gamma_up [units of the pulse at 0]."""
    gamma_down_dtod: float = Field(0.05, ge=0)
    """Device-to-device spread of gamma_down [units of the pulse at 0]."""
    mult_noise: bool = True
    """Whether the cycle-to-cycle noise shrinks with the pulse."""
    mean_bound_reference: bool = True
    """Whether the decrease is counted to the mean bound instead of to each device's own."""


class SoftBounds(TwoSidedDevice):
    """Linear (soft-bounds) device, q± = 1 ∓ w/τ; the papers' ALD, AIHWKit's SoftBoundsReferenceDevice.

    With ``mult_noise`` it is AIHWKit's SoftBoundsDevice. AIHWKit's one-sided asymmetry is ``up_down``; for the papers'
    c_Lin take the kind linear.
    """

    kind: Literal["soft-bounds"] = "soft-bounds"
    mult_noise: bool = False
    """Whether the cycle-to-cycle noise shrinks with the pulse."""
    slope_up_dtod: float = Field(0.0, ge=0)
    """Further device-to-device spread of the slope of the up response, and with it of w_max [relative]."""
    slope_down_dtod: float = Field(0.0, ge=0)
    """Further device-to-device spread of the slope of the down response, and with it of w_min [relative]."""
    reference_mean: float = 0.0
    """Weight of the reference device that is subtracted from each device [weight units]."""
    reference_std: float = Field(0.0, ge=0)
    """Device-to-device spread of the reference [weight units]."""
    subtract_symmetry_point: bool = False
    """Zero-shift: subtract each device's own symmetric point from its weight."""


class Linear(TwoSidedDevice):
    """Linear device of the 2025 paper, q₊ = (1+c)(1 − w/τ), q₋ = (1−c)(1 + w/τ): symmetric point at c τ.

    In AIHWKit's parameters it is soft-bounds with dw_min (1+c) and up_down 2c/(1+c), for c ≥ 0, at lr (1+c).
    """

    kind: Literal["linear"] = "linear"
    c_lin: float = Field(0.0, gt=-1, lt=1)
    """Symmetric point [units of τ] (papers: c_Lin)."""
    w_max_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the upper bound [units of w_max]."""
    w_min_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the lower bound [units of w_min]."""


class ExpStep(WrittenDevice):
    """Concave exponential response, q± = max(1 − A± exp(±γ± z), 0), z = a w/τ + b; AIHWKit's ExpStepDevice."""

    kind: Literal["exp-step"] = "exp-step"
    A_up: float = 0.00081
    """Factor of the exponential of the up response."""
    A_down: float = 0.36833
    """Factor of the exponential of the down response."""
    gamma_up: float = 12.44625
    """Exponent of the up response."""
    gamma_down: float = 12.78785
    """Exponent of the down response."""
    a: float = 0.244
    """Slope of z in the weight [per half range]."""
    b: float = 0.2425
    """Value of z at w = 0."""
    dw_min_std_add: float = Field(0.0, ge=0)
    """Cycle-to-cycle noise besides that of the pulse itself [weight units, times dw_min_std]."""
    dw_min_std_slope: float = Field(0.0, ge=0)
    """Cycle-to-cycle noise that grows with the weight [units of |w|, times dw_min_std]."""


class PowStep(WrittenDevice):
    """Power response in AIHWKit's normalisation, q± = ((w_max − w)/(w_max − w_min))^γ; AIHWKit's PowStepDevice.

    A pulse at w = 0 is 2^−γ dw_min; the kind power has the papers' normalisation.
    """

    kind: Literal["pow-step"] = "pow-step"
    pow_gamma: float = Field(1.0, gt=0)
    """Exponent of the response."""
    pow_gamma_dtod: float = Field(0.1, ge=0)
    """Device-to-device spread of the exponent [units of pow_gamma]."""
    pow_up_down: float = Field(0.0, gt=-1, lt=1)
    """One-sided asymmetry of the exponent: > 0 lowers that of the down response, < 0 that of the up response."""
    pow_up_down_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of that asymmetry [units of pow_gamma]."""


class PowerStep(WrittenDevice):
    """Power response in the papers' normalisation, q± = (1 ∓ w/τ)^γ_res; γ_res = 1 is the soft-bounds device.

    AIHWKit's PowStepDevice is the same law with 2^γ_res times the dw_min; bounds do not vary, as in the papers.
    """

    kind: Literal["power"] = "power"
    gamma_res: float = Field(1.0, gt=0)
    """Exponent of the response (papers: γ_res)."""
    w_max_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the upper bound [units of w_max]."""
    w_min_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the lower bound [units of w_min]."""


class ExponentialStep(TwoSidedDevice):
    """Exponential response of the 2025 paper, q± = (exp(γ_res(1 ∓ w/τ)) − 1)/(exp(γ_res) − 1); no AIHWKit twin."""

    kind: Literal["exponential"] = "exponential"
    gamma_res: float = Field(1.0, gt=0)
    """Curvature of the response (papers: γ_res)."""
    w_max_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the upper bound [units of w_max]."""
    w_min_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the lower bound [units of w_min]."""


class PiecewiseStep(WrittenDevice):
    """Response given at equidistant weights from w_min to w_max, linear between; AIHWKit's PiecewiseStepDevice."""

    kind: Literal["piecewise"] = "piecewise"
    piecewise_up: tuple[float, ...] = Field((1.0, 1.0), min_length=2)
    """Up response at equidistant weights, the first at w_min and the last at w_max [units of dw_min]."""
    piecewise_down: tuple[float, ...] = Field((1.0, 1.0), min_length=2)
    """Down response at the same weights [units of dw_min]."""

    @model_validator(mode="after")
    def _curves_belong_together(self) -> Self:
        up, down = len(self.piecewise_up), len(self.piecewise_down)
        if up != down:
            raise ValueError(f"piecewise_up has {up} values and piecewise_down {down}; they belong to the same weights")
        if self.piecewise_up[up // 2] <= 0:
            raise ValueError(f"piecewise_up = {list(self.piecewise_up)} is not allowed; its middle must be > 0")
        return self


class CustomStep(WrittenDevice):
    """Two response formulas of your own; its name is path/to/file.py:Class, or that of an installed package."""

    kind: Literal["custom"] = "custom"
    law: str = Field(min_length=3)
    """The class: my_device.py:MyDevice, or package.module:MyDevice."""
    sha256: str = ""
    """Digest of the class's source file, so that a changed law is another run; filled in where it is left out."""
    parameters: dict[str, float] = Field(default_factory=dict)
    """Values of the class's own fields."""
    w_max_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the upper bound [units of w_max]."""
    w_min_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the lower bound [units of w_min]."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_digest(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("law"), str) and not data.get("sha256"):
            return data | {"sha256": digest(data["law"])}
        return data


Device = Annotated[
    Ideal
    | ConstantStep
    | LinearStep
    | SoftBounds
    | Linear
    | ExpStep
    | PowStep
    | PowerStep
    | ExponentialStep
    | PiecewiseStep
    | CustomStep,
    Field(discriminator="kind"),
]


def _seed_of_the_run(device: Device) -> Device:
    if device.construction_seed is not None:
        raise ValueError("construction_seed stands in the run's device, for all arrays of a tile; leave it out here")
    return device


FurtherDevice = Annotated[Device, AfterValidator(_seed_of_the_run)]
"""Devices of an array beside that of the run's device: everything is their own but the seed."""
