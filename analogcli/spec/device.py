"""What one cross point is: its response functions, bounds, granularity and the spread of the device population.

Every device shares the population law of AIHWKit's ``PulsedDevice``; names and units are AIHWKit's. ``tau`` is the
papers' half dynamic range: ``w_max = tau``, ``w_min = -tau``.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from analogcli.spec.base import Spec

MAX_STATES = 10**9
"""Above this the granularity is lost in the rounding of 32-bit weights."""


class PulsedDevice(Spec):
    """What all pulsed devices have in common."""

    tau: float = Field(0.6, gt=0)
    """Half dynamic range [weight units]: w_max = tau, w_min = -tau (papers: τ)."""
    dw_min: float = Field(0.001, gt=0)
    """Granularity: mean size of one pulse at the symmetric point [weight units] (papers: Δw_min).

    ``states`` may be given instead: dw_min = 2 tau / states."""
    dw_min_std: float = Field(0.3, ge=0)
    """Cycle-to-cycle noise of one pulse [units of its mean size] (papers: σ_c)."""
    dw_min_dtod: float = Field(0.3, ge=0)
    """Device-to-device spread of the pulse size [units of dw_min]."""
    w_max_dtod: float = Field(0.3, ge=0)
    """Device-to-device spread of the upper bound [units of w_max]."""
    w_min_dtod: float = Field(0.3, ge=0)
    """Device-to-device spread of the lower bound [units of w_min]."""
    up_down: float = Field(0.0, gt=-1, lt=1)
    """One-sided up/down asymmetry: > 0 weakens the down pulse, < 0 the up pulse (AIHWKit: up_down)."""
    up_down_dtod: float = Field(0.01, ge=0)
    """Device-to-device spread of the up/down asymmetry [units of dw_min]."""
    construction_seed: int | None = Field(None, ge=1)
    """Seed of the device population; null: follows the run's seed, so that every model has its own devices."""

    @model_validator(mode="before")
    @classmethod
    def _states_to_granularity(cls, data: Any) -> Any:
        # `states` is a way to write dw_min, not a field: the resolved spec has one granularity and hence one hash.
        if not isinstance(data, dict) or "states" not in data:
            return data
        data = dict(data)
        states = data.pop("states")
        if data.get("dw_min") is not None and states is not None:
            raise ValueError("dw_min and states say the same thing; give one of them")
        if states is not None:
            number = _number(states)
            if number is None or not 2 <= number <= MAX_STATES:
                raise ValueError(f"states = {states!r:.60} is not allowed; a device has 2 to {MAX_STATES:g} states")
            tau = _number(data.get("tau", cls.model_fields["tau"].default))
            # A tau that is no number is refused by its own field.
            data["dw_min"] = cls.model_fields["dw_min"].default if tau is None else 2 * tau / number
        return data

    @property
    def states(self) -> float:
        """Number of conductance states, ``2 tau / dw_min``."""
        return 2 * self.tau / self.dw_min


def _number(value: Any) -> float | None:
    """Return what a number field would read, also from text: YAML takes 5e-1 for text."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


class SoftBounds(PulsedDevice):
    """Linear (soft-bounds) device, q± = 1 ∓ w/τ; the papers' ALD, AIHWKit's SoftBoundsReferenceDevice."""

    kind: Literal["soft-bounds"] = "soft-bounds"
    subtract_symmetry_point: bool = False
    """Zero-shift: subtract each device's own symmetric point from its weight."""


class PowerStep(PulsedDevice):
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


class ExponentialStep(PulsedDevice):
    """Exponential response of the 2025 paper, q± = (exp(γ_res(1 ∓ w/τ)) − 1)/(exp(γ_res) − 1); no AIHWKit twin."""

    kind: Literal["exponential"] = "exponential"
    gamma_res: float = Field(1.0, gt=0)
    """Curvature of the response (papers: γ_res)."""
    w_max_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the upper bound [units of w_max]."""
    w_min_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the lower bound [units of w_min]."""


Device = Annotated[SoftBounds | PowerStep | ExponentialStep, Field(discriminator="kind")]
