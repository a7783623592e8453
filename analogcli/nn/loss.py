"""What training lowers, by the name that the task gives it: torch's own functions, and half of one.

::

    nll        −log p[y]                 outputs are log-probabilities [N, K], targets labels [N]
    mse        mean over k of (o − y)²   outputs and targets are numbers [N, K]
    half-mse   half of that

    smoothed   −(1 − ε) log p[y] − ε/(K − 1) Σ over k ≠ y of log p[k]

torch's label smoothing shares ε among all K classes, the right one too; the papers' among the K − 1 wrong ones.
"""

from functools import partial
from typing import Protocol

from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss, nll_loss

from analogcli.spec import ClassificationTask, Task


class Loss(Protocol):
    """A loss as torch defines it."""

    def __call__(self, input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
        """Return the mean over the samples, or with the reduction ``none`` what it is the mean of."""
        ...


def half_mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return half of the squared error, the objective of least squares."""
    return 0.5 * mse_loss(input, target, reduction=reduction)


LOSSES: dict[str, Loss] = {"nll": nll_loss, "mse": mse_loss, "half-mse": half_mse_loss}
"""For each name the loss."""


def training_loss(task: Task) -> Loss:
    """Return the loss that a task's training lowers: with smoothed labels if it has them."""
    if isinstance(task, ClassificationTask) and task.label_smoothing:
        return partial(_smoothed, task.label_smoothing)
    return LOSSES[task.loss]


def _smoothed(epsilon: float, input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return the loss of log-probabilities [N, K]; to take their softmax once more changes nothing."""
    k = input.shape[1]
    return cross_entropy(input, target, reduction=reduction, label_smoothing=min(epsilon * k / max(k - 1, 1), 1.0))
