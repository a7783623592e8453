"""What all devices at a cross point have in common: bounds, granularity, noise and the spread of the population.

The population law, its names and its units are AIHWKit's (``PulsedDevice``). ``tau`` is the papers' half dynamic range
and ``centre`` the middle of the range, so that w_max = centre + tau and w_min = centre − tau. The kinds are in
:mod:`.devices`.
"""

from typing import Any, Self

from pydantic import Field, model_validator

from analogcli.spec.base import Spec

MAX_STATES = 10**9
"""Above this the granularity is lost in the rounding of 32-bit weights."""


class PulsedDevice(Spec):
    """What all pulsed devices have in common."""

    tau: float = Field(0.6, gt=0)
    """Half dynamic range [weight units]: w_max = centre + tau, w_min = centre - tau (papers: τ).

    ``w_max`` and ``w_min`` may be given together instead of ``tau`` and ``centre``."""
    centre: float = 0.0
    """Middle of the dynamic range [weight units]; 0: bounds at ±tau, as in the papers."""
    dw_min: float = Field(0.001, gt=0)
    """Granularity: mean size of one pulse at the symmetric point [weight units] (papers: Δw_min).

    ``states`` may be given instead: dw_min = 2 tau / states."""
    dw_min_std: float = Field(0.3, ge=0)
    """Cycle-to-cycle noise of one pulse [units of its mean size] (papers: σ_c)."""
    dw_min_dtod: float = Field(0.3, ge=0)
    """Device-to-device spread of the pulse size [units of dw_min]."""
    dw_min_dtod_log_normal: bool = False
    """Whether the spread of the pulse size is log-normal instead of normal."""
    w_max_dtod: float = Field(0.3, ge=0)
    """Device-to-device spread of the upper bound [units of w_max]."""
    w_min_dtod: float = Field(0.3, ge=0)
    """Device-to-device spread of the lower bound [units of w_min]."""
    up_down: float = Field(0.0, gt=-1, lt=1)
    """One-sided up/down asymmetry: > 0 weakens the down pulse, < 0 the up pulse (AIHWKit: up_down)."""
    up_down_dtod: float = Field(0.01, ge=0)
    """Device-to-device spread of the up/down asymmetry [units of dw_min]."""
    corrupt_devices_prob: float = Field(0.0, ge=0, le=1)
    """Probability that a device is corrupt: stuck at a weight that no pulse changes."""
    corrupt_devices_range: float = Field(0.1, ge=0)
    """Corrupt devices are stuck anywhere within ± this [weight units], and within their bounds."""
    lifetime: float = Field(0.0, ge=0)
    """Time constant of the decay towards the reset value [mini-batches]; 0: no decay."""
    lifetime_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the lifetime [units of lifetime]."""
    reset: float = 0.0
    """Weight that a reset leaves and that decay tends to [weight units]."""
    reset_dtod: float = Field(0.0, ge=0)
    """Device-to-device spread of the reset value [weight units]."""
    reset_std: float = Field(0.01, ge=0)
    """Spread of a reset from time to time [weight units]."""
    construction_seed: int | None = Field(None, ge=1)
    """Seed of the device population; null: follows the run's seed, so that every model has its own devices."""

    @model_validator(mode="before")
    @classmethod
    def _other_ways_to_write(cls, data: Any) -> Any:
        # Ways to write a field, not fields: the resolved spec has one range and one granularity, and hence one hash.
        if not isinstance(data, dict):
            return data
        return cls._states_to_granularity(cls._bounds_to_range(dict(data)))

    @classmethod
    def _bounds_to_range(cls, data: dict[str, Any]) -> dict[str, Any]:
        given = {name: data.pop(name) for name in ("w_max", "w_min") if name in data}
        given = {name: value for name, value in given.items() if value is not None}
        if not given:
            return data
        if data.get("tau") is not None or data.get("centre") is not None:
            raise ValueError("w_max and w_min say the same thing as tau and centre; give the one or the other")
        if len(given) == 1:
            raise ValueError("w_max and w_min go together; give both, or tau and centre")
        high, low = _number(given["w_max"]), _number(given["w_min"])
        if high is None or low is None or not low < high:
            shown = ", ".join(f"{name} = {value!r:.30}" for name, value in given.items())
            raise ValueError(f"{shown} is not allowed; they must be numbers, w_min below w_max")
        # Differences leave digits that nobody wrote, and what is equal has one hash.
        return data | {"tau": round((high - low) / 2, 12), "centre": round((high + low) / 2, 12)}

    @classmethod
    def _states_to_granularity(cls, data: dict[str, Any]) -> dict[str, Any]:
        if "states" not in data:
            return data
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

    @model_validator(mode="after")
    def _zero_is_a_weight(self) -> Self:
        if abs(self.centre) > self.tau:
            raise ValueError(f"centre = {self.centre:g} is not allowed; 0 must lie between the bounds, ±tau around it")
        return self

    @property
    def states(self) -> float:
        """Number of conductance states, ``2 tau / dw_min``."""
        return 2 * self.tau / self.dw_min

    @property
    def w_max(self) -> float:
        """Upper bound of the mean device [weight units]."""
        return self.centre + self.tau

    @property
    def w_min(self) -> float:
        """Lower bound of the mean device [weight units]."""
        return self.centre - self.tau


class WrittenDevice(PulsedDevice):
    """A pulsed device whose reads see the state with a noise that is drawn anew by every pulse (AIHWKit has it too)."""

    write_noise_std: float = Field(0.0, ge=0)
    """Noise of what reads see around the state, drawn anew when the device is pulsed or set [units of dw_min]."""


class TwoSidedDevice(WrittenDevice):
    """A device whose responses are scaled by its bounds, so that neither bound can be 0."""

    @model_validator(mode="after")
    def _bounds_on_both_sides(self) -> Self:
        if abs(self.centre) >= self.tau:
            raise ValueError(
                f"centre = {self.centre:g} is not allowed; a bound at 0 gives no response, take |centre| < tau"
            )
        return self


def _number(value: Any) -> float | None:
    """Return what a number field would read, also from text: YAML takes 5e-1 for text."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
