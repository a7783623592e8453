"""Several devices at every cross point that hold the weight together."""

from typing import Literal, Self

from pydantic import model_validator

from analogcli.spec.base import Spec
from analogcli.spec.devices import FurtherDevice


class Vector(Spec):
    """Vector cell: the weight is a sum over several devices, and a policy says which of them a gradient reaches.

    AIHWKit: VectorUnitCell, and ReferenceUnitCell for single-fixed with gamma_vec 1, -1.
    """

    kind: Literal["vector"] = "vector"
    update_policy: Literal["all", "single-fixed", "single-sequential", "single-random"] = "all"
    """Which devices take the pulses of a sample.

    all: every one, from the same pulse trains; single-fixed: the first; single-sequential: one after the other, the
    second before the first; single-random: one by chance."""
    gamma_vec: tuple[float, ...] = ()
    """Weight of every device in the visible weight, the run's device first; empty: 1/n each."""
    further_devices: tuple[FurtherDevice, ...] = ()
    """The second and further devices at every cross point; the first is the run's."""

    @model_validator(mode="after")
    def _one_weight_for_each_device(self) -> Self:
        n = 1 + len(self.further_devices)
        if self.gamma_vec and len(self.gamma_vec) != n:
            raise ValueError(f"gamma_vec has {len(self.gamma_vec)} entries; {n} devices need {n}")
        if self.gamma_vec and not any(self.gamma_vec):
            raise ValueError("gamma_vec is 0 for all devices; at least one must be seen")
        return self

    @property
    def gammas(self) -> tuple[float, ...]:
        """Weight of every device in the visible weight, the run's device first."""
        n = 1 + len(self.further_devices)
        return self.gamma_vec or (1 / n,) * n
