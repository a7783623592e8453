"""Random least-squares problems as the papers' scripts draw them, and where plain gradient descent on them comes to.

::

    torch.manual_seed(data_seed);  W* = w_scale randn(D, K);  A = a_scale randn(N, D);  Y = A W* + bias_true
    grid:                          W* = −1 + 2 randint(2¹⁶)/(2¹⁶ − 1);  A = 1
    f(w, b) = c mean((A w + b − Y)²)          ∂f/∂w = 2c/N Aᵀr,  ∂f/∂b = 2c mean(r),  r = A w + b − Y

Source: scripts S1, S2 and S3.x of the 2024 paper (arXiv 2406.12774) and S1 of the 2025 paper (2502.06309); of the grid
the multi-tile paper (2510.02516), appendix K.3.

Axes: N equation (sample), D unknown, C, H, W the vectors as images of one row, K the numbers to be predicted.
"""

import torch
from torch import Tensor

from analogcli.data.dataset import DataSet, fingerprint
from analogcli.spec import LeastSquaresTask

FACTOR = {"mse": 1.0, "half-mse": 0.5}
"""c for each loss."""
GRID = 2**16
"""Values from −1 to 1."""


def draw(task: LeastSquaresTask) -> tuple[Tensor, Tensor, Tensor]:
    """Return A [N, D], Y [N, K] and W* [D, K], to the bit what torch's global generator would draw with the seed."""
    generator = torch.Generator().manual_seed(task.data_seed)
    shape_DK, shape_ND = (task.dimension, task.outputs), (task.rows, task.dimension)
    if task.numbers == "grid":
        w_DK = 2 * torch.randint(GRID, shape_DK, generator=generator) / (GRID - 1) - 1
        a_ND = torch.ones(shape_ND)
    else:
        w_DK = task.w_scale * torch.randn(shape_DK, generator=generator)
        a_ND = task.a_scale * torch.randn(shape_ND, generator=generator)
    return a_ND, a_ND @ w_DK + task.bias_true, w_DK


def problem(task: LeastSquaresTask, device: torch.device) -> DataSet:
    """Return the equations as a data set: what is learnt is tested."""
    a_ND, y_NK, _ = draw(task)
    x_NCHW = a_ND[:, None, None].contiguous()
    digest = fingerprint([x_NCHW, y_NK, x_NCHW, y_NK])
    x_NCHW, y_NK = x_NCHW.to(device), y_NK.to(device)
    return DataSet(task.dataset, x_NCHW, y_NK, x_NCHW, y_NK, n_classes=None, fingerprint=digest)


def descend(task: LeastSquaresTask, steps: int) -> tuple[Tensor, Tensor]:
    """Return weights [K, D] and bias [K] after ``steps`` of gradient descent from 0 without any noise."""
    a_ND, y_NK, w_DK = draw(task)
    w_DK, bias_K = torch.zeros_like(w_DK), torch.zeros(task.outputs)
    rate = task.lr * 2 * FACTOR[task.loss] / task.outputs
    for _ in range(steps):
        residual_NK = a_ND @ w_DK + bias_K - y_NK
        w_DK = w_DK - rate * (a_ND.T @ residual_NK) / task.rows
        if task.bias:
            bias_K = bias_K - rate * residual_NK.mean(0)
    return w_DK.T.contiguous(), bias_K
