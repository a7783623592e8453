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
from analogcli.crossbar.randomness import Keys
from analogcli.nn.array import Placed, TileArray
from analogcli.nn.group_kernels import read_groups, read_groups_back
from analogcli.nn.patch_kernels import emit, fill, scatter
from analogcli.nn.patches import Geometry

BLOCK = 320_000
"""Numbers in a block of patches: about what a second-level cache holds."""
SMALL = 1024
"""Weights of a group up to which a plain loop does its products as fast as a BLAS that is called for each."""

Floats = NDArray[np.float32]


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


ReadOne = Callable[[int, int, Block, np.uint64], None]
"""Reads one group of one replica for one block."""


class Convolution:
    """The reads of one layer's tiles, for images of one size."""

    def __init__(self, array: TileArray, geometry: Geometry, height: int, width: int) -> None:
        self.array, self.geometry = array, geometry
        self.replicas, self.groups = array.shape[0] // geometry.groups, geometry.groups
        self.rows, self.columns = geometry.positions(height, width)
        self.size = (height, width)
        self._form = np.array([*geometry.kernel, *geometry.stride, *geometry.dilation], np.int64)

    def forward(self, x_NCHW: Tensor, scale_RT: Tensor | None, bias: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Read y [R·B, O, H', W'] with bias; return it and, where scales are learned, each tile's part [A, O, N]."""
        p_h, p_w = self.geometry.padding
        images = pad(x_NCHW, (p_w, p_w, p_h, p_h)) if p_h or p_w else x_NCHW.detach().contiguous()
        y = images.new_empty(len(images), self.groups * self.array.shape[1], self.rows, self.columns)
        parts = []
        for t, placed in enumerate(self.array.placed):
            part_AON = None
            if scale_RT is not None:
                samples = len(images) // self.replicas * self.rows * self.columns
                part_AON = images.new_empty(len(scale_RT), _size(placed.rows), samples)
                parts.append(part_AON)
            self._forward_tile(images, placed, y, None if scale_RT is None else scale_RT[:, t].tolist(), bias, part_AON)
        return y, parts

    def _forward_tile(
        self, images: Tensor, placed: Placed, y: Tensor, scale_A: list[float] | None, bias: Tensor | None,
        part_AON: Tensor | None,
    ) -> None:  # fmt: skip
        """Write what one tile gives; add it, if it is not the first of its rows, which brings the bias."""
        tile, lines, n_out = placed.tile, _size(placed.cols), self.array.shape[1]
        weights_AOI, gain_AO, samples = tile.seen(), tile.gain_RO, len(images) // self.replicas
        first = placed.cols.start == 0
        out = y.view(*y.shape[:2], -1).numpy()
        bias_AO = np.zeros((self.array.shape[0], 0), np.float32)
        if first and bias is not None:
            bias_AO = bias.detach().view(-1, n_out)[:, placed.rows].numpy()

        def read(r: int, g: int, block: Block, key: np.uint64) -> None:
            a, place = r * self.groups + g, self._place(block)
            n = (block.bottom - block.top) * self.columns
            x_IN = torch.empty(lines, (block.images.stop - block.images.start) * n)

            def load() -> None:
                fill(*self._source(images, r, g, block), x_IN.numpy(), 0, placed.cols.start, *self._positions(block))

            load()
            total = samples * self.rows * self.columns
            y_ON = tile.read_forward.lines(weights_AOI[a], x_IN, key, place, total, load)
            if gain_AO is not None:
                y_ON *= gain_AO[a][:, None]
            if part_AON is not None:
                part_AON[a, :, place : place + x_IN.shape[1]] = y_ON
            where = (r * samples + block.images.start, g * n_out + placed.rows.start, block.top * self.columns, n)
            factor = np.float32(1.0 if scale_A is None else scale_A[a])
            emit(y_ON.numpy(), out, *where, factor, bias_AO[a], not first)

        if self._together(placed):
            self._forward_groups(images, placed, out, scale_A, bias_AO, part_AON, read)
        else:
            self._over_images(samples, lines, read)

    def _forward_groups(
        self, images: Tensor, placed: Placed, out: Floats, scale_A: list[float] | None, bias_AO: Floats,
        part_AON: Tensor | None, read: ReadOne,
    ) -> None:  # fmt: skip
        """Do what ``read`` does, for all groups in one loop; what clips there it reads once more."""
        tile, samples, g = placed.tile, len(images) // self.replicas, self.groups
        weights = tile.seen().contiguous().numpy()
        factor_A = np.ones(len(weights), np.float32) if scale_A is None else np.array(scale_A, np.float32)
        omega_AO = self._scales(tile.gain_RO)
        parts = np.empty((len(weights), 1, 0), np.float32) if part_AON is None else part_AON.numpy()
        pixels = images.numpy()

        def read_all(r: int, block: Block, keys: Keys) -> None:
            place, own = self._place(block), slice(r * g, (r + 1) * g)
            clipped = np.zeros(g, np.bool_)
            first = r * samples + block.images.start
            read_groups(
                pixels, (first, r * samples + block.images.stop), self._rows(block), weights[own], omega_AO[own],
                factor_A[own], bias_AO[own], keys, place, samples * self.rows * self.columns,
                tile.read_forward.io.perfect, tile.read_forward.form, self._form, out, first, parts[own], clipped,
            )  # fmt: skip
            if tile.read_forward.io.bound_management == "iterative":
                for group in np.flatnonzero(clipped):
                    read(r, int(group), block, keys[group])

        self._over_groups(samples, weights.shape[2], read_all)

    def backward(self, d_AON: Tensor, scale_RT: Tensor | None) -> Tensor:
        """Read the gradient [R·B, C, H, W] of the images from that of the output [A, O, N]."""
        (height, width), (p_h, p_w) = self.size, self.geometry.padding
        channels = self.array.shape[2] // (self.geometry.kernel[0] * self.geometry.kernel[1])
        samples = d_AON.shape[2] // (self.rows * self.columns)
        size = (height + 2 * p_h, width + 2 * p_w)
        images = d_AON.new_zeros(self.replicas * samples, self.groups * channels, *size)
        for t, placed in enumerate(self.array.placed):
            self._backward_tile(d_AON, placed, images, None if scale_RT is None else scale_RT[:, t].tolist())
        return images[:, :, p_h : p_h + height, p_w : p_w + width]

    def _backward_tile(self, d_AON: Tensor, placed: Placed, images: Tensor, scale_A: list[float] | None) -> None:
        """Add what one tile gives."""
        tile, total = placed.tile, d_AON.shape[2]
        weights_AIO = tile.seen().mT

        def read(r: int, g: int, block: Block, key: np.uint64) -> None:
            a, place = r * self.groups + g, self._place(block)
            n = (block.images.stop - block.images.start) * (block.bottom - block.top) * self.columns
            own_ON = d_AON[a, placed.rows, place : place + n]
            d_ON = torch.empty(_size(placed.rows), n)

            def load() -> None:
                torch.mul(own_ON, 1.0 if scale_A is None else scale_A[a], out=d_ON)
                if tile.omega > 0:
                    d_ON.mul_(tile.scale_RO[a][:, None])

            load()
            x_IN = tile.read_backward.lines(weights_AIO[a], d_ON, key, place, total, load)
            target = self._source(images, r, g, block)
            scatter(*target, x_IN.numpy(), 0, placed.cols.start, *self._positions(block))

        if self._together(placed):
            self._backward_groups(d_AON, placed, images, scale_A)
        else:
            self._over_images(len(images) // self.replicas, _size(placed.cols), read)

    def _backward_groups(self, d_AON: Tensor, placed: Placed, images: Tensor, scale_A: list[float] | None) -> None:
        """Read all groups in one loop."""
        tile, samples, g = placed.tile, len(images) // self.replicas, self.groups
        weights = tile.seen().contiguous().numpy()
        factor_A = np.ones(len(weights), np.float32) if scale_A is None else np.array(scale_A, np.float32)
        omega_AO = self._scales(tile.scale_RO if tile.omega > 0 else None)
        gradients, pixels = d_AON.contiguous().numpy(), images.numpy()

        def read_all(r: int, block: Block, keys: Keys) -> None:
            own = slice(r * g, (r + 1) * g)
            which = (r * samples + block.images.start, r * samples + block.images.stop)
            read_groups_back(
                gradients[own], weights[own], omega_AO[own], factor_A[own], keys, self._place(block),
                d_AON.shape[2], tile.read_backward.io.perfect, tile.read_backward.form, self._form, pixels, which,
                self._rows(block),
            )  # fmt: skip

        self._over_groups(samples, weights.shape[2], read_all)

    def _together(self, placed: Placed) -> bool:
        """Return whether the groups are many and small enough to be read in one loop without a BLAS."""
        n_out, lines = _size(placed.rows), _size(placed.cols)
        return self.groups > 1 and len(self.array.placed) == 1 and n_out * lines <= SMALL

    def _scales(self, scale_AO: Tensor | None) -> Floats:
        """Return the digital scale of the outputs of every array [A, O], or [A, 0] where there is none."""
        none = np.empty((self.array.shape[0], 0), np.float32)
        return none if scale_AO is None else scale_AO.contiguous().numpy()

    def scale_gradient(self, d_AON: Tensor, parts: list[Tensor]) -> Tensor:
        """Return the gradient [A, T] of the learned scale of every tile."""
        of_tiles = [
            torch.linalg.vecdot(d_AON[:, placed.rows].flatten(1), part_AON.flatten(1))
            for placed, part_AON in zip(self.array.placed, parts, strict=True)
        ]
        return torch.stack(of_tiles, dim=1)

    def _over_images(self, images: int, lines: int, read: Callable[[int, int, Block, np.uint64], None]) -> None:
        """Call ``read`` for all blocks of all arrays; ``lines`` is the number of lines of a patch on this tile."""
        keys = self.array.chip.noise.keys(self.replicas * self.groups)

        def part(begin: int, end: int) -> None:
            for a, key in enumerate(keys):
                for block in blocks(begin, end, self.rows, lines * self.columns):
                    read(*divmod(a, self.groups), block, key)

        share(part, images, images * len(keys) * lines * self.rows * self.columns)

    def _over_groups(self, images: int, lines: int, read: Callable[[int, Block, Keys], None]) -> None:
        """Call ``read`` for all blocks of all replicas, as :meth:`_over_images` does for arrays."""
        keys = self.array.chip.noise.keys(self.replicas * self.groups)

        def part(begin: int, end: int) -> None:
            for r in range(self.replicas):
                for block in blocks(begin, end, self.rows, lines * self.columns):
                    read(r, block, keys[r * self.groups : (r + 1) * self.groups])

        share(part, images, images * len(keys) * lines * self.rows * self.columns)

    def _source(self, images: Tensor, r: int, g: int, block: Block) -> tuple[NDArray[np.float32], tuple[int, int], int]:
        """Return all images, which of them are a block's, and the first channel of the group."""
        first = r * (len(images) // self.replicas)
        which = (first + block.images.start, first + block.images.stop)
        return images.numpy(), which, g * (images.shape[1] // self.groups)

    def _positions(self, block: Block) -> tuple[int, int, int, NDArray[np.int64]]:
        """Return which positions of its images are in a block, and the form of patches."""
        return *self._rows(block), self._form

    def _rows(self, block: Block) -> tuple[int, int, int]:
        """Return the first row of a block, the number of its rows, and the columns."""
        return block.top, block.bottom - block.top, self.columns

    def _place(self, block: Block) -> int:
        """Return how many positions of the replica come before the block."""
        return int((block.images.start * self.rows + block.top) * self.columns)


def _size(part: slice) -> int:
    return int(part.stop - part.start)
