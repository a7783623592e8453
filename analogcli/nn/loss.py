"""What training lowers, by the name that the task gives it: torch's own functions.

::

    nll   −log p[y]                 outputs are log-probabilities [N, K], targets labels [N]
    mse   mean over k of (o − y)²   outputs and targets are numbers [N, K]
"""

from typing import Protocol

from torch import Tensor
from torch.nn.functional import mse_loss, nll_loss


class Loss(Protocol):
    """A loss as torch defines it."""

    def __call__(self, input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
        """Return the mean over the samples, or with the reduction ``none`` what it is the mean of."""
        ...


LOSSES: dict[str, Loss] = {"nll": nll_loss, "mse": mse_loss}
"""For each name the loss."""
