"""Analog SGD: the gradient of each mini-batch goes onto the array that holds the weight, and nowhere else.

::

    W' = W − lr g ∘ F(W) − lr |g| ∘ G(W),   g = d xᵀ per sample                       (P24 eq 7, P25 eq 5)
    soft bounds:  W' = W − lr g − (lr/τ) |g| ∘ W

The second term drags every weight towards its symmetric point as long as samples disagree; at a critical point the
drift is −(lr/τ) E|g| W (P24 eq 11), and with it the loss keeps a floor that no learning rate removes.

Papers: Gokmen and Vlasov 2016 (arXiv 1603.07341); Wu et al. 2024 (P24, arXiv 2406.12774) and 2025 (P25, 2502.06309).
AIHWKit counterpart: ``SingleRPUConfig`` with ``AnalogSGD``.

Axes: B sample (or image patch), O out, I in.
"""

import torch
from torch import Tensor

from analogcli.crossbar import Tile


def step(tile: Tile, x_BI: Tensor, d_BO: Tensor, lr: float, generator: torch.Generator) -> None:
    """Apply the mini-batch with inputs ``x_BI`` and output gradients ``d_BO`` to ``tile``."""
    tile.update(x_BI, d_BO, lr, generator)
