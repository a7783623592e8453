"""How a requested change becomes pulses (AIHWKit: UpdateParameters, same defaults)."""

from typing import Literal

from pydantic import Field

from analogcli.spec.base import Spec

Fidelity = Literal["chunked", "sequential", "mean-field", "mean-field-batch"]


class Pulses(Spec):
    """The pulse trains of rank-one updates, and how faithfully they are computed."""

    pulse_type: Literal["stochastic-compressed", "mean-count", "deterministic"] = "stochastic-compressed"
    """stochastic-compressed: every line fires in every slot of its train by chance;
    mean-count: a line fires in its mean number of slots, rounded; deterministic: so does a cross point."""
    desired_bl: int = Field(31, ge=1)
    """Largest length of a pulse train [pulses] (papers: BL)."""
    update_management: bool = True
    """Balance the pulse probabilities of x and d; always on where update_bl_management is."""
    update_bl_management: bool = True
    """Shorten the trains to what the largest requested change needs."""
    fidelity: Fidelity = "sequential"
    """sequential: one sample after the other (AIHWKit's law); chunked: the pulses of several samples are drawn
    together, as many as max_load allows, and reach each device in random order; mean-field: the papers' deterministic
    update W + ΔW∘F(W) − |ΔW|∘G(W), |ΔW| summed over the samples; mean-field-batch: the same with the absolute value of
    the whole mini-batch's ΔW, as if its gradient came in one pulse train."""

    @property
    def drawn(self) -> bool:
        """Whether there are pulses, and not only their mean."""
        return self.fidelity not in ("mean-field", "mean-field-batch")


class TransferPulses(Pulses):
    """The write of one column of a slow array: always one sample, in the mean where the gradient is."""

    fidelity: Literal["sequential"] = "sequential"
    """The write follows update.fidelity."""


class Update(Pulses):
    """The gradient update of an array."""

    fidelity: Fidelity = "chunked"
    """As for every train (see Pulses); a transfer between arrays is always one sample."""
    max_load: float = Field(0.1, gt=0)
    """chunked: largest expected number of pulses of a chunk on any device, times dw_min/tau, when all chunks have equal
    shares of the requested change. Within a chunk the order of the samples is lost."""
