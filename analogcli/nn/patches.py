"""A convolution as a product with image patches, and back.

::

    patches   x_RGB,I[b l, c k] = x[b, c, position l + k]        every patch is one input vector of the arrays
    scatter   its transpose: gradients of overlapping patches add up in the image

The plain form is torch's unfold and fold. Patches take k² times the memory of the image; layers keep the image and make
patches where they are used.

Axes: R replica, G group, B image, C channel, H, W image, L position, I in (C/G · k · k); R·G arrays see B·L vectors.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import fold, unfold


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
    """Return the patches [R·G, B·L, I] of N = R·B images."""
    x_NIL = unfold(x_NCHW, geometry.kernel, geometry.dilation, geometry.padding, geometry.stride)
    r, g = replicas, geometry.groups
    x_RBGIL = x_NIL.view(r, -1, g, x_NIL.shape[1] // g, x_NIL.shape[2])
    return x_RBGIL.permute(0, 2, 1, 4, 3).reshape(r * g, -1, x_RBGIL.shape[3])


def scatter(x_RBI: Tensor, geometry: Geometry, replicas: int, height: int, width: int) -> Tensor:
    """Return images [R·B, C, H, W] in which the patches [R·G, B·L, I] are added up where they lie."""
    r, g = replicas, geometry.groups
    h, w = geometry.positions(height, width)
    x_RGBLI = x_RBI.view(r, g, -1, h * w, x_RBI.shape[2])
    x_NIL = x_RGBLI.permute(0, 2, 1, 4, 3).reshape(-1, g * x_RBI.shape[2], h * w)
    return fold(x_NIL, (height, width), geometry.kernel, geometry.dilation, geometry.padding, geometry.stride)
