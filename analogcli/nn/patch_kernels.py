"""Patches of images as compiled loops: every line of the array gets the values of all positions side by side.

::

    out[i, l] = x[c, y_l + k_y, x_l + k_x]        line i = (c, k_y, k_x), position l = (row of the output, column)
    scatter: the transpose, values of overlapping patches add up in the image

Copies run along the rows of the image. Same values as torch's unfold and fold. Beside them stands the pooling that
convolutions are followed by.

Axes: B image, C channel, H, W image, I line (input of the array), L position, N position in one of the images.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def fill(padded, images, channel, out, offset, line, row, rows, columns, form):  # type: ignore[no-untyped-def]
    """Fill ``out`` [I, N] from position ``offset`` on with the patches of some images, image by image.

    ``padded`` are images [B, C, H, W] with their border, ``images`` the first and the last that are wanted. Their first
    line is ``line``, counted from ``channel`` on; their positions are ``rows`` rows of ``columns`` from ``row`` on.
    ``form`` is kernel, stride and dilation, each of height and width.
    """
    k_h, k_w, s_h, s_w, d_h, d_w = form
    height, width = padded.shape[2], padded.shape[3]
    n, down, step = np.uint64(columns), np.uint64(s_h * width), np.uint64(s_w)
    for b in range(images[0], images[1]):
        # Flat and with unsigned indices (a signed one could count from the end): loops become vector instructions.
        source = padded[b].reshape(-1)
        for i in range(out.shape[0]):
            k = line + i
            top = (channel + k // (k_h * k_w)) * height + k // k_w % k_h * d_h + row * s_h
            here, there = np.uint64(offset + (b - images[0]) * rows * columns), np.uint64(top * width + k % k_w * d_w)
            target = out[i]
            for _ in range(rows):
                if s_w == 1:
                    for x in range(n):
                        target[here + x] = source[there + x]
                else:
                    for x in range(n):
                        target[here + x] = source[there + x * step]
                here += n
                there += down


@njit(cache=True, nogil=True, error_model="numpy")
def scatter(padded, images, channel, values, offset, line, row, rows, columns, form):  # type: ignore[no-untyped-def]
    """Add such ``values`` [I, N] to the images ``padded`` [B, C, H, W] where their patches lie."""
    k_h, k_w, s_h, s_w, d_h, d_w = form
    height, width = padded.shape[2], padded.shape[3]
    n, down, step = np.uint64(columns), np.uint64(s_h * width), np.uint64(s_w)
    for b in range(images[0], images[1]):
        target = padded[b].reshape(-1)
        for i in range(values.shape[0]):
            k = line + i
            top = (channel + k // (k_h * k_w)) * height + k // k_w % k_h * d_h + row * s_h
            here, there = np.uint64(offset + (b - images[0]) * rows * columns), np.uint64(top * width + k % k_w * d_w)
            source = values[i]
            for _ in range(rows):
                if s_w == 1:
                    for x in range(n):
                        target[there + x] += source[here + x]
                else:
                    for x in range(n):
                        target[there + x * step] += source[here + x]
                here += n
                there += down


@njit(cache=True, nogil=True, error_model="numpy")
def emit(values, out, image, channel, first, n, factor, bias, adds):  # type: ignore[no-untyped-def]
    """Write ``factor`` times ``values`` [O, N] plus ``bias`` [O], if it has any, to ``n`` positions of every image.

    ``out`` are images [B, C, L]; their channels from ``channel`` and positions from ``first`` on are written, or added
    to.
    """
    target, size = out.reshape(-1), np.uint64(n)
    for o in range(len(values)):
        offset = bias[o] if len(bias) else np.float32(0.0)
        source, here = values[o], np.uint64(0)
        for b in range(values.shape[1] // n):
            there = np.uint64(((image + b) * out.shape[1] + channel + o) * out.shape[2] + first)
            if adds:
                for x in range(size):
                    target[there + x] += source[here + x] * factor + offset
            else:
                for x in range(size):
                    target[there + x] = source[here + x] * factor + offset
            here += size


@njit(cache=True, nogil=True, error_model="numpy")
def pool_halves(x, y, place):  # type: ignore[no-untyped-def]
    """Write the maxima ``y`` [B, C, H/2, W/2] of 2×2 windows and their places in the image, as torch's max_pool2d."""
    width = x.shape[3]
    for b in range(y.shape[0]):
        for c in range(y.shape[1]):
            for i in range(y.shape[2]):
                for j in range(y.shape[3]):
                    first, second = x[b, c, 2 * i, 2 * j], x[b, c, 2 * i, 2 * j + 1]
                    third, fourth = x[b, c, 2 * i + 1, 2 * j], x[b, c, 2 * i + 1, 2 * j + 1]
                    above, below = max(first, second), max(third, fourth)
                    at = 2 * i * width + 2 * j
                    at_above, at_below = at + (second > first), at + width + (fourth > third)
                    y[b, c, i, j] = max(above, below)
                    place[b, c, i, j] = at_below if below > above else at_above
