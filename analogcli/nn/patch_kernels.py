"""Patches of one image as compiled loops: every line of the array gets the values of all positions side by side.

::

    out[i, l] = x[c, y_l + k_y, x_l + k_x]        line i = (c, k_y, k_x), position l = (row of the output, column)
    scatter: the transpose, values of overlapping patches add up in the image

Copies run along the rows of the image. Same values as torch's unfold and fold.

Axes: C channel, H, W image, I line (input of the array), L position.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def fill(padded, out, offset, rows, first_line, first_row, columns, form):  # type: ignore[no-untyped-def]
    """Fill the positions from ``offset`` on of ``out`` [I, N] with ``rows`` rows of patches.

    Lines begin with ``first_line``, rows of the output with ``first_row``, and have ``columns`` positions. ``padded``
    is the image [C, H, W] with its border; ``form`` is kernel, stride and dilation, each of height and width.
    """
    k_h, k_w, s_h, s_w, d_h, d_w = form
    height, width = padded.shape[1], padded.shape[2]
    # Flat and with unsigned indices (a signed one could count from the end): loops become vector instructions.
    source = padded.reshape(-1)
    n, down = np.uint64(columns), np.uint64(s_h * width)
    for i in range(out.shape[0]):
        line = first_line + i
        start = ((line // (k_h * k_w)) * height + line // k_w % k_h * d_h + first_row * s_h) * width + line % k_w * d_w
        target, a, b = out[i], np.uint64(offset), np.uint64(start)
        for _ in range(rows):
            if s_w == 1:
                for x in range(n):
                    target[a + x] = source[b + x]
            else:
                for x in range(n):
                    target[a + x] = source[b + x * np.uint64(s_w)]
            a += n
            b += down


@njit(cache=True, nogil=True, error_model="numpy")
def scatter(padded, values, offset, rows, first_line, first_row, columns, form):  # type: ignore[no-untyped-def]
    """Add such positions of ``values`` [I, N] to the image ``padded`` [C, H, W] where their patches lie."""
    k_h, k_w, s_h, s_w, d_h, d_w = form
    height, width = padded.shape[1], padded.shape[2]
    target = padded.reshape(-1)
    n, down = np.uint64(columns), np.uint64(s_h * width)
    for i in range(values.shape[0]):
        line = first_line + i
        start = ((line // (k_h * k_w)) * height + line // k_w % k_h * d_h + first_row * s_h) * width + line % k_w * d_w
        source, a, b = values[i], np.uint64(start), np.uint64(offset)
        for _ in range(rows):
            if s_w == 1:
                for x in range(n):
                    target[a + x] += source[b + x]
            else:
                for x in range(n):
                    target[a + x * np.uint64(s_w)] += source[b + x]
            a += down
            b += n
