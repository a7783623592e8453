"""One layer's weight matrices on as many tiles as they need, with a learned digital factor on each tile's output.

::

    y[rows] = Σ_tiles a_t tile_t(x[cols])          a_t = 1, or learned by plain SGD (learn_out_scaling)
    x̃[cols] = Σ_tiles tile_tᵀ(a_t d[rows])         ∂L/∂a_t = Σ d[rows] ∘ tile_t(x[cols])
    update of tile t: x[cols], a_t d[rows]

A side longer than the largest tile is cut into ⌈size/max⌉ parts whose sizes differ by at most 1; every part has its
own converters, noise and management. AIHWKit twin: ``TileModuleArray``; from 1.1.0 it splits convolutions too.

Axes: R stacked array (replica by replica, and in each group by group), B sample (or image patch), O out, I in, T tile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from analogcli.algorithms import end_of_epoch, set_training
from analogcli.crossbar import Tile
from analogcli.crossbar.periphery import AnalogRead
from analogcli.nn.chip import Chip
from analogcli.spec import IO, PcmInference

EXACT = AnalogRead(IO(perfect=True))


@dataclass(frozen=True, eq=False)
class Placed:
    """A tile and the part of the layer's matrix that it holds."""

    tile: Tile
    rows: slice
    cols: slice


class TileArray:
    """The tiles of one layer: R·G matrices [O, I], G of them for each model."""

    def __init__(self, name: str, shape_OI: tuple[int, int], groups: int, chip: Chip) -> None:
        rows = _slices(split_sizes(shape_OI[0], chip.mapping.max_output_size))
        cols = _slices(split_sizes(shape_OI[1], chip.mapping.max_input_size))
        self.chip = chip
        self.groups = groups
        self.shape = (chip.replicas * groups, *shape_OI)
        self.placed = [
            Placed(chip.tile(f"{name}/{i}", (r.stop - r.start, c.stop - c.start), groups), r, c)
            for i, (c, r) in enumerate((c, r) for c in cols for r in rows)
        ]

    def set_weights(self, weights_ROI: Tensor) -> None:
        """Write the matrices onto the tiles."""
        for p in self.placed:
            p.tile.set_weights(weights_ROI[:, p.rows, p.cols], self.chip.noise)

    def weights(self, scale_RT: Tensor | None) -> Tensor:
        """Return the matrices [R, O, I] that the forward pass sees."""
        weights_ROI = self.placed[0].tile.weights().new_empty(self.shape)
        for t, p in enumerate(self.placed):
            weights_ROI[:, p.rows, p.cols] = _scaled(p.tile.weights(), scale_RT, t)
        return weights_ROI

    def saturation(self) -> Tensor:
        """Return how far the devices that hold the matrices [R, O, I] are towards their bounds, between 0 and 1."""
        saturation_ROI = self.placed[0].tile.weights().new_empty(self.shape)
        for p in self.placed:
            saturation_ROI[:, p.rows, p.cols] = p.tile.cell.holding.saturation()
        return saturation_ROI

    def forward(self, x_RBI: Tensor, scale_RT: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Read y [R, B, O], a new tensor; return it and, where scales are learned, what each tile gave."""
        if len(self.placed) == 1:
            y_RBO = self.placed[0].tile.forward(x_RBI, self.chip.noise)
            return (y_RBO, []) if scale_RT is None else (_scaled(y_RBO, scale_RT, 0), [y_RBO])
        sum_RBO = x_RBI.new_zeros(*x_RBI.shape[:2], self.shape[1])
        parts = []
        for t, p in enumerate(self.placed):
            y_RBO = p.tile.forward(x_RBI[:, :, p.cols], self.chip.noise)
            sum_RBO[:, :, p.rows] += _scaled(y_RBO, scale_RT, t)
            parts += [] if scale_RT is None else [y_RBO]
        return sum_RBO, parts

    @contextmanager
    def exact_reads(self) -> Iterator[None]:
        """Read forward without converters and noise while the block runs."""
        readers = [p.tile.read_forward for p in self.placed]
        try:
            for p in self.placed:
                p.tile.read_forward = EXACT
            yield
        finally:
            for p, reader in zip(self.placed, readers, strict=True):
                p.tile.read_forward = reader

    def backward(self, d_RBO: Tensor, scale_RT: Tensor | None) -> Tensor:
        """Read the input gradient [R, B, I]."""
        if len(self.placed) == 1:
            return self.placed[0].tile.backward(_scaled(d_RBO, scale_RT, 0), self.chip.noise)
        sum_RBI = d_RBO.new_zeros(*d_RBO.shape[:2], self.shape[2])
        for t, p in enumerate(self.placed):
            sum_RBI[:, :, p.cols] += p.tile.backward(_scaled(d_RBO[:, :, p.rows], scale_RT, t), self.chip.noise)
        return sum_RBI

    def scale_gradient(self, d_RBO: Tensor, parts: list[Tensor]) -> Tensor:
        """Return ∂L/∂a [R, T]."""
        of_tiles = [(d_RBO[:, :, p.rows] * y_RBO).sum((1, 2)) for p, y_RBO in zip(self.placed, parts, strict=True)]
        return torch.stack(of_tiles, dim=1)

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, scale_RT: Tensor | None) -> None:
        """Let every tile learn from the exact inputs and output gradients of a mini-batch."""
        if len(self.placed) == 1:
            self.placed[0].tile.update(x_RBI, _scaled(d_RBO, scale_RT, 0), lr, self.chip.noise)
            return
        for t, p in enumerate(self.placed):
            p.tile.update(x_RBI[:, :, p.cols], _scaled(d_RBO[:, :, p.rows], scale_RT, t), lr, self.chip.noise)

    def end_of_epoch(self, train_loss_R: Tensor) -> None:
        """Tell the algorithms that follow it how training goes: the mean loss of every model in the epoch."""
        for p in self.placed:
            end_of_epoch(p.tile.cell, train_loss_R.repeat_interleave(self.groups))

    def program(self, settings: PcmInference) -> None:
        """Write the weights of all tiles onto new phase-change devices."""
        for p in self.placed:
            p.tile.program(settings, self.chip.noise)

    def at_time(self, seconds: float) -> None:
        """Let what was programmed be ``seconds`` old."""
        for p in self.placed:
            p.tile.at_time(seconds, self.chip.noise)

    def train(self, training: bool) -> None:
        """Tell the algorithms whether the reads to come are those of training."""
        for p in self.placed:
            set_training(p.tile.cell, training)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state of all tiles, flat; what belongs to one model has a leading axis R, models in order."""
        return {f"tile{t}.{k}": v for t, p in enumerate(self.placed) for k, v in p.tile.state_dict().items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        for t, p in enumerate(self.placed):
            prefix = f"tile{t}."
            p.tile.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})


def split_sizes(size: int, largest: int) -> list[int]:
    """Return the sizes of the equal parts of at most ``largest`` that ``size`` is cut into; 0: one part."""
    n = -(-size // largest) if largest else 1
    return [size // n + (i < size % n) for i in range(n)]


def _slices(sizes: list[int]) -> list[slice]:
    return [slice(a, b) for a, b in pairwise(accumulate(sizes, initial=0))]


def _scaled(y_RBO: Tensor, scale_RT: Tensor | None, t: int) -> Tensor:
    if scale_RT is None:
        return y_RBO
    return y_RBO * (scale_RT[0, t] if len(scale_RT) == 1 else scale_RT[:, t, None, None])
