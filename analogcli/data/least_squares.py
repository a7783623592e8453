"""Random least-squares problems as the papers' scripts draw them, and where plain gradient descent on them comes to.

::

    torch.manual_seed(data_seed);  W* = w_scale randn(D, 1);  A = a_scale randn(N, D);  Y = A W* + bias_true
    f(w, b) = c mean((A w + b − Y)²)          ∂f/∂w = 2c/N Aᵀr,  ∂f/∂b = 2c mean(r),  r = A w + b − Y

Source: scripts S1, S2 and S3.x of the 2024 paper (arXiv 2406.12774) and S1 of the 2025 paper (2502.06309).

Axes: N equation (sample), D unknown, C, H, W the vectors as images of one row, K the one number to be predicted.
"""

import torch
from torch import Tensor

from analogcli.data.dataset import DataSet, fingerprint
from analogcli.spec import LeastSquaresTask

FACTOR = {"mse": 1.0, "half-mse": 0.5}
"""c for each loss."""


def draw(task: LeastSquaresTask) -> tuple[Tensor, Tensor, Tensor]:
    """Return A [N, D], Y [N, 1] and W* [D, 1], to the bit what torch's global generator would draw with the seed."""
    generator = torch.Generator().manual_seed(task.data_seed)
    w_DK = task.w_scale * torch.randn(task.dimension, 1, generator=generator)
    a_ND = task.a_scale * torch.randn(task.rows, task.dimension, generator=generator)
    return a_ND, a_ND @ w_DK + task.bias_true, w_DK


def problem(task: LeastSquaresTask, device: torch.device) -> DataSet:
    """Return the equations as a data set: what is learnt is tested."""
    a_ND, y_NK, _ = draw(task)
    x_NCHW = a_ND[:, None, None].contiguous()
    digest = fingerprint([x_NCHW, y_NK, x_NCHW, y_NK])
    x_NCHW, y_NK = x_NCHW.to(device), y_NK.to(device)
    return DataSet(task.dataset, x_NCHW, y_NK, x_NCHW, y_NK, n_classes=None, fingerprint=digest)


def descend(task: LeastSquaresTask, steps: int) -> tuple[Tensor, Tensor]:
    """Return weights [1, D] and bias [1] after ``steps`` of gradient descent from 0 without any noise."""
    a_ND, y_NK, w_DK = draw(task)
    w_DK, bias_K = torch.zeros_like(w_DK), torch.zeros(1)
    rate = task.lr * 2 * FACTOR[task.loss]
    for _ in range(steps):
        residual_NK = a_ND @ w_DK + bias_K - y_NK
        w_DK = w_DK - rate * (a_ND.T @ residual_NK) / task.rows
        bias_K = bias_K - rate * residual_NK.mean(0)
    return w_DK.T.contiguous(), bias_K
