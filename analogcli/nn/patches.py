"""A convolution as a product with image patches, and back.

::

    patches   x_RGB,I[b l, c k] = x[b, c, position l + k]        every patch is one input vector of the arrays
    scatter   its transpose: gradients of overlapping patches add up in the image

The plain form is torch's unfold and fold. Patches take k² times the memory of the image; layers keep the image and make
patches where they are used.

Axes: R replica, G group, B image, C channel, H, W image, L position, I in (C/G · k · k); R·G arrays see B·L vectors.
"""

import math
import threading
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import fold, pad, unfold

from analogcli.crossbar.kernels.threads import share
from analogcli.nn.patch_kernels import fill

_MEMORY = threading.local()


@dataclass(frozen=True)
class Geometry:
    """What decides which patches an image has; pairs are height and width."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    """Zeros on each side."""
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def positions(self, height: int, width: int) -> tuple[int, int]:
        """Return how many patches lie below and beside each other: the size of the convolution's output."""
        h, w = (
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, k, s, p, d in zip(
                (height, width), self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return h, w


def patches(x_NCHW: Tensor, geometry: Geometry, replicas: int) -> Tensor:
    """Return the patches [R·G, B·L, I] of N = R·B images.

    On the CPU the patches of a line lie side by side, in memory that the next call uses again.
    """
    if x_NCHW.device.type == "cpu":
        return _patches_in_lines(x_NCHW, geometry, replicas).mT
    x_NIL = unfold(x_NCHW, geometry.kernel, geometry.dilation, geometry.padding, geometry.stride)
    r, g = replicas, geometry.groups
    x_RBGIL = x_NIL.view(r, -1, g, x_NIL.shape[1] // g, x_NIL.shape[2])
    return x_RBGIL.permute(0, 2, 1, 4, 3).reshape(r * g, -1, x_RBGIL.shape[3])


def _patches_in_lines(x_NCHW: Tensor, geometry: Geometry, replicas: int) -> Tensor:
    """Return the patches [R·G, I, B·L]."""
    (rows, columns), (p_h, p_w) = geometry.positions(x_NCHW.shape[2], x_NCHW.shape[3]), geometry.padding
    images = pad(x_NCHW, (p_w, p_w, p_h, p_h)) if p_h or p_w else x_NCHW.contiguous()
    samples, channels, positions = len(images) // replicas, images.shape[1] // geometry.groups, rows * columns
    lines = channels * geometry.kernel[0] * geometry.kernel[1]
    size = (replicas, geometry.groups, lines, samples * positions)
    out_RGIN = _scratch(math.prod(size)).view(size)
    form = np.array([*geometry.kernel, *geometry.stride, *geometry.dilation], np.int64)

    def part(begin: int, end: int) -> None:
        for r, g in product(range(replicas), range(geometry.groups)):
            which, target = (r * samples + begin, r * samples + end), out_RGIN[r, g].numpy()
            fill(images.numpy(), which, g * channels, target, begin * positions, 0, 0, rows, columns, form)

    share(part, samples, out_RGIN.numel())
    return out_RGIN.view(replicas * geometry.groups, lines, -1)


def _scratch(numbers: int) -> Tensor:
    """Return memory for patches, this thread's until its next call: fresh memory costs more than filling it."""
    if getattr(_MEMORY, "patches", None) is None or _MEMORY.patches.numel() < numbers:
        _MEMORY.patches = torch.empty(numbers)
    patches: Tensor = _MEMORY.patches[:numbers]
    return patches


def scatter(x_RBI: Tensor, geometry: Geometry, replicas: int, height: int, width: int) -> Tensor:
    """Return images [R·B, C, H, W] in which the patches [R·G, B·L, I] are added up where they lie."""
    r, g = replicas, geometry.groups
    h, w = geometry.positions(height, width)
    x_RGBLI = x_RBI.view(r, g, -1, h * w, x_RBI.shape[2])
    x_NIL = x_RGBLI.permute(0, 2, 1, 4, 3).reshape(-1, g * x_RBI.shape[2], h * w)
    return fold(x_NIL, (height, width), geometry.kernel, geometry.dilation, geometry.padding, geometry.stride)
