"""Reads of a convolution on the CPU, block by block of patches, in the layout of the image.

::

    forward    block of patches [I, N] ─► DAC ─► W · ─► ADC ─► out[image, channel, row, column]
    backward   block of d [O, N]       ─► DAC ─► Wᵀ · ─► ADC ─► added to the image where the patches lie

A block is one image, a part of one, or several small ones: its patches stay in the cache from the first to the last
step, so that neither the patches of the mini-batch nor their codes are ever in memory as a whole. Images are shared
between threads; noise depends on the place of a patch only. The plain form is :mod:`.patches` around
:func:`analogcli.crossbar.analog_matvec`.

Axes: R replica, G group, A array (replica and group), B image of a replica, C channel, H, W image, O out, I in,
N position of a block, T tile.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from analogcli.crossbar.kernels.threads import share
from analogcli.nn.array import Placed, TileArray
from analogcli.nn.patch_kernels import fill, scatter
from analogcli.nn.patches import Geometry

BLOCK = 320_000
"""Numbers in a block of patches: about what a second-level cache holds."""


@dataclass(frozen=True)
class Block:
    """Rows ``top`` to ``bottom`` of the output of some ``images`` of one replica."""

    images: slice
    top: int
    bottom: int


def blocks(begin: int, end: int, rows: int, size_of_row: int) -> Iterator[Block]:
    """Cut the output of the images ``begin`` to ``end`` into blocks; the patches of one row are ``size_of_row``."""
    together = max(BLOCK // (rows * size_of_row), 1)
    parts = min(-(-rows * size_of_row // BLOCK), rows) if together == 1 else 1
    for n in range(begin, end, together):
        for p in range(parts):
            yield Block(slice(n, min(n + together, end)), rows * p // parts, rows * (p + 1) // parts)


class Convolution:
    """The reads of one layer's tiles, for images of one size."""

    def __init__(self, array: TileArray, geometry: Geometry, height: int, width: int) -> None:
        self.array, self.geometry = array, geometry
        self.replicas, self.groups = array.shape[0] // geometry.groups, geometry.groups
        self.rows, self.columns = geometry.positions(height, width)
        self.size = (height, width)
        self._form = np.array([*geometry.kernel, *geometry.stride, *geometry.dilation], np.int64)

    def forward(self, x_NCHW: Tensor, scale_RT: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Read y [N, O, H', W'] of N = R·B images; return it and, where scales are learned, what each tile gave."""
        p_h, p_w = self.geometry.padding
        images = pad(x_NCHW, (p_w, p_w, p_h, p_h)) if p_h or p_w else x_NCHW.detach().contiguous()
        y = images.new_empty(len(images), self.groups * self.array.shape[1], self.rows, self.columns)
        y_RBGOHW = self._grouped(y, self.array.shape[1])
        parts = []
        for t, placed in enumerate(self.array.placed):
            own_RBGOHW, first = y_RBGOHW[:, :, :, placed.rows], placed.cols.start == 0
            if scale_RT is None:
                self._forward_tile(images, placed, own_RBGOHW, first=first)
            else:
                part_RBGOHW = torch.empty_like(own_RBGOHW)
                self._forward_tile(images, placed, part_RBGOHW, first=True)
                if first:
                    torch.mul(part_RBGOHW, self._scale(scale_RT, t), out=own_RBGOHW)
                else:
                    own_RBGOHW.addcmul_(part_RBGOHW, self._scale(scale_RT, t))
                parts.append(part_RBGOHW)
        return y, parts

    def _forward_tile(self, images: Tensor, placed: Placed, out_RBGOHW: Tensor, *, first: bool) -> None:
        """Write what one tile gives; add it, if it is not the ``first`` of its rows."""
        tile, lines = placed.tile, _size(placed.cols)
        weights_AOI, total = tile.cell.visible(), out_RBGOHW.shape[1] * self.rows * self.columns

        def read(r: int, g: int, block: Block, key: np.uint64) -> None:
            out_OBHW = out_RBGOHW[r, block.images, g, :, block.top : block.bottom].transpose(0, 1)
            x_IN = torch.empty(lines, out_OBHW[0].numel())

            def load() -> None:
                fill(*self._source(images, r, g, block), x_IN.numpy(), 0, placed.cols.start, *self._positions(block))

            load()
            a = r * self.groups + g
            y_ON = tile.read_forward.lines(weights_AOI[a], x_IN, key, self._place(block), total, load)
            if tile.omega > 0:
                y_ON *= tile.scale_RO[a][:, None]
            y_OBHW = y_ON.view(out_OBHW.shape)
            out_OBHW.copy_(y_OBHW) if first else out_OBHW.add_(y_OBHW)

        self._over_images(out_RBGOHW.shape[1], lines, read)

    def backward(self, d_NOHW: Tensor, scale_RT: Tensor | None) -> Tensor:
        """Read the gradient [N, C, H, W] of the images."""
        (height, width), (p_h, p_w) = self.size, self.geometry.padding
        channels = self.array.shape[2] // (self.geometry.kernel[0] * self.geometry.kernel[1])
        images = d_NOHW.new_zeros(len(d_NOHW), self.groups * channels, height + 2 * p_h, width + 2 * p_w)
        d_RBGOHW = self._grouped(d_NOHW, self.array.shape[1])
        for t, placed in enumerate(self.array.placed):
            own_RBGOHW = d_RBGOHW[:, :, :, placed.rows]
            own_RBGOHW = own_RBGOHW if scale_RT is None else own_RBGOHW * self._scale(scale_RT, t)
            self._backward_tile(own_RBGOHW, placed, images)
        return images[:, :, p_h : p_h + height, p_w : p_w + width]

    def scale_gradient(self, d_NOHW: Tensor, parts: list[Tensor]) -> Tensor:
        """Return the gradient [R·G, T] of the learned scale of every tile."""
        d_RBGOHW = self._grouped(d_NOHW, self.array.shape[1])
        of_tiles = [
            torch.linalg.vecdot(_alone(d_RBGOHW[:, :, :, placed.rows]), _alone(part_RBGOHW)).view(-1)
            for placed, part_RBGOHW in zip(self.array.placed, parts, strict=True)
        ]
        return torch.stack(of_tiles, dim=1)

    def _backward_tile(self, d_RBGOHW: Tensor, placed: Placed, images: Tensor) -> None:
        """Add what one tile gives."""
        tile = placed.tile
        weights_AIO, total = tile.cell.visible().mT, d_RBGOHW.shape[1] * self.rows * self.columns

        def read(r: int, g: int, block: Block, key: np.uint64) -> None:
            a = r * self.groups + g
            d_OBHW = d_RBGOHW[r, block.images, g, :, block.top : block.bottom].transpose(0, 1)
            d_ON = torch.empty(len(d_OBHW), d_OBHW[0].numel())

            def load() -> None:
                d_ON.view(d_OBHW.shape).copy_(d_OBHW)
                if tile.omega > 0:
                    d_ON.mul_(tile.scale_RO[a][:, None])

            load()
            x_IN = tile.read_backward.lines(weights_AIO[a], d_ON, key, self._place(block), total, load)
            target = self._source(images, r, g, block)
            scatter(*target, x_IN.numpy(), 0, placed.cols.start, *self._positions(block))

        self._over_images(d_RBGOHW.shape[1], _size(placed.cols), read)

    def _over_images(self, images: int, lines: int, read: Callable[[int, int, Block, np.uint64], None]) -> None:
        """Call ``read`` for all blocks of all arrays; ``lines`` is the number of lines of a patch on this tile."""
        keys = self.array.chip.noise.keys(self.replicas * self.groups)

        def part(begin: int, end: int) -> None:
            for a, key in enumerate(keys):
                for block in blocks(begin, end, self.rows, lines * self.columns):
                    read(*divmod(a, self.groups), block, key)

        share(part, images, images * len(keys) * lines * self.rows * self.columns)

    def _source(self, images: Tensor, r: int, g: int, block: Block) -> tuple[NDArray[np.float32], tuple[int, int], int]:
        """Return all images, which of them are a block's, and the first channel of the group."""
        first = r * (len(images) // self.replicas)
        which = (first + block.images.start, first + block.images.stop)
        return images.numpy(), which, g * (images.shape[1] // self.groups)

    def _positions(self, block: Block) -> tuple[int, int, int, NDArray[np.int64]]:
        """Return which positions of its images are in a block, and the form of patches."""
        return block.top, block.bottom - block.top, self.columns, self._form

    def _place(self, block: Block) -> int:
        """Return how many positions of the replica come before the block."""
        return int((block.images.start * self.rows + block.top) * self.columns)

    def _grouped(self, y_NOHW: Tensor, n_out: int) -> Tensor:
        return y_NOHW.view(self.replicas, -1, self.groups, n_out, self.rows, self.columns)

    def _scale(self, scale_RT: Tensor, t: int) -> Tensor:
        return scale_RT[:, t].view(self.replicas, 1, self.groups, 1, 1, 1)


def _alone(y_RBGOHW: Tensor) -> Tensor:
    """Return the values of every array in one row, [R, G, B·O·H·W]."""
    return y_RBGOHW.transpose(1, 2).flatten(2)


def _size(part: slice) -> int:
    return int(part.stop - part.start)
