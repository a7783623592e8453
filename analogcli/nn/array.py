"""One layer's weight matrix on as many tiles as it needs, with a learned digital factor on each tile's output.

::

    y[rows] = Σ_tiles a_t tile_t(x[cols])          a_t = 1, or learned by plain SGD (learn_out_scaling)
    x̃[cols] = Σ_tiles tile_tᵀ(a_t d[rows])         ∂L/∂a_t = Σ d[rows] ∘ tile_t(x[cols])
    update of tile t: x[cols], a_t d[rows]

A side longer than the largest tile is cut into ⌈size/max⌉ parts whose sizes differ by at most 1; every part has its
own converters, noise and management. AIHWKit twin: ``TileModuleArray``; from 1.1.0 it splits convolutions too.

Axes: B sample (or image patch), O out, I in, T tile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor

from analogcli.crossbar import Tile
from analogcli.nn.chip import Chip

TileStep = Callable[[Tile, Tensor, Tensor, float, torch.Generator], None]
"""An algorithm's step on one tile: tile, x_BI, d_BO, lr, generator of the pulses."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A tile and the part of the layer's matrix that it holds."""

    tile: Tile
    rows: slice
    cols: slice


class TileArray:
    """The tiles of one layer, and the inputs and output gradients of its last backward pass."""

    def __init__(self, name: str, out_size: int, in_size: int, chip: Chip) -> None:
        rows = _slices(split_sizes(out_size, chip.mapping.max_output_size))
        cols = _slices(split_sizes(in_size, chip.mapping.max_input_size))
        self.shape = (out_size, in_size)
        self.generator = chip.noise
        self.placed = [
            Placed(chip.tile(f"{name}/{i}", (r.stop - r.start, c.stop - c.start)), r, c)
            for i, (c, r) in enumerate((c, r) for c in cols for r in rows)
        ]
        self.last: tuple[Tensor, Tensor] | None = None
        """x [B, I] and ∂L/∂y [B, O] of the last backward pass, exact."""

    def set_weights(self, weights_OI: Tensor) -> None:
        """Write a matrix onto the tiles."""
        for p in self.placed:
            p.tile.set_weights(weights_OI[p.rows, p.cols])

    def weights(self, out_scale_T: Tensor | None) -> Tensor:
        """Return the matrix [O, I] that the forward pass sees."""
        weights_OI = self.placed[0].tile.w_OI.new_empty(self.shape)
        for t, p in enumerate(self.placed):
            w_OI = p.tile.weights()
            weights_OI[p.rows, p.cols] = w_OI if out_scale_T is None else w_OI * out_scale_T[t]
        return weights_OI

    def read(self, x_BI: Tensor, bias_O: Tensor, out_scale_T: Tensor | None) -> Tensor:
        """Return y [B, O] = W x + bias, differentiable; the backward pass fills :attr:`last`."""
        y_BO: Tensor = _Read.apply(x_BI, bias_O, out_scale_T, self)  # type: ignore[no-untyped-call]
        return y_BO

    def learn(self, step: TileStep, lr: float, out_scale_T: Tensor | None) -> None:
        """Let every tile learn from the last backward pass."""
        if self.last is None:
            raise RuntimeError("an array learns from a backward pass, and there has been none")
        x_BI, d_BO = self.last
        for t, p in enumerate(self.placed):
            step(p.tile, x_BI[:, p.cols], _scaled(d_BO[:, p.rows], out_scale_T, t), lr, self.generator)

    def gradient(self) -> Tensor:
        """Return ∂L/∂W [O, I] of the last backward pass, for the weights that the forward pass sees."""
        if self.last is None:
            return torch.zeros(self.shape)
        x_BI, d_BO = self.last
        return d_BO.T @ x_BI

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state of all tiles, flat."""
        return {f"tile{t}.{k}": v for t, p in enumerate(self.placed) for k, v in p.tile.state_dict().items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        for t, p in enumerate(self.placed):
            p.tile.load_state_dict({k: state[f"tile{t}.{k}"] for k in p.tile.state_dict()})


class _Read(torch.autograd.Function):
    """Forward and backward read as one differentiable operation; the weights themselves are not in the graph."""

    @staticmethod
    def forward(ctx: Any, x_BI: Tensor, bias_O: Tensor, out_scale_T: Tensor | None, array: TileArray) -> Tensor:
        y_BO = bias_O.expand(len(x_BI), -1).clone()
        parts: list[Tensor] = []
        for t, p in enumerate(array.placed):
            part_BO = p.tile.forward(x_BI[:, p.cols], array.generator)
            y_BO[:, p.rows].add_(_scaled(part_BO, out_scale_T, t))
            if out_scale_T is not None:
                parts.append(part_BO)
        ctx.array = array
        ctx.save_for_backward(x_BI, out_scale_T, *parts)
        return y_BO

    @staticmethod
    def backward(ctx: Any, d_BO: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, None]:
        array: TileArray = ctx.array
        x_BI, out_scale_T, *parts = ctx.saved_tensors
        array.last = (x_BI.detach(), d_BO)
        grad_x_BI = None
        if ctx.needs_input_grad[0]:
            grad_x_BI = torch.zeros_like(x_BI)
            for t, p in enumerate(array.placed):
                d_tile_BO = _scaled(d_BO[:, p.rows], out_scale_T, t)
                grad_x_BI[:, p.cols].add_(p.tile.backward(d_tile_BO, array.generator))
        grad_scale_T = None
        if out_scale_T is not None:
            grad_scale_T = torch.stack(
                [(d_BO[:, p.rows] * part_BO).sum() for p, part_BO in zip(array.placed, parts, strict=True)]
            )
        return grad_x_BI, d_BO.sum(dim=0), grad_scale_T, None


def split_sizes(size: int, largest: int) -> list[int]:
    """Return the sizes of the equal parts of at most ``largest`` that ``size`` is cut into; 0: one part."""
    n = -(-size // largest) if largest else 1
    return [size // n + (i < size % n) for i in range(n)]


def _slices(sizes: list[int]) -> list[slice]:
    return [slice(a, b) for a, b in pairwise(accumulate(sizes, initial=0))]


def _scaled(y_BO: Tensor, out_scale_T: Tensor | None, t: int) -> Tensor:
    return y_BO if out_scale_T is None else y_BO * out_scale_T[t]
