"""How a requested change becomes pulses (AIHWKit: UpdateParameters, same defaults)."""

from typing import Literal

from pydantic import Field

from analogcli.spec.base import Spec


class Pulses(Spec):
    """The pulse trains of one rank-one update."""

    desired_bl: int = Field(31, ge=1)
    """Largest length of a pulse train [pulses] (papers: BL)."""
    update_management: bool = True
    """Balance the pulse probabilities of x and d; always on where update_bl_management is."""
    update_bl_management: bool = True
    """Shorten the trains to what the largest requested change needs."""


class Update(Pulses):
    """The gradient update of an array."""

    fidelity: Literal["sequential", "mean-field"] = "sequential"
    """sequential: one sample after the other, one stochastic train per line (AIHWKit's law);
    mean-field: the papers' deterministic update W + ΔW∘F(W) − |ΔW|∘G(W), |ΔW| summed over the samples."""
