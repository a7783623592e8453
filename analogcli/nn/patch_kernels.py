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
def fill(padded, out, first_line, first_row, columns, form):  # type: ignore[no-untyped-def]
    """Fill ``out`` [lines, rows·columns] with lines from ``first_line`` and output rows from ``first_row`` on.

    ``padded`` is the image [C, H, W] with its border; ``form`` is kernel, stride and dilation, each of height and width.
    """
    k_h, k_w, s_h, s_w, d_h, d_w = form
    height, width = padded.shape[1], padded.shape[2]
    # Flat and with unsigned indices (a signed one could count from the end): loops become vector instructions.
    source, target = padded.reshape(-1), out.reshape(-1)
    rows = out.shape[1] // columns
    n, down = np.uint64(columns), np.uint64(s_h * width)
    for i in range(out.shape[0]):
        line = first_line + i
        start = ((line // (k_h * k_w)) * height + line // k_w % k_h * d_h + first_row * s_h) * width + line % k_w * d_w
        a, b = np.uint64(i * rows * columns), np.uint64(start)
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
def scatter(padded, values, first_line, first_row, columns, form):  # type: ignore[no-untyped-def]
    """Add ``values`` [lines, rows·columns] to the image ``padded`` [C, H, W] where their patches lie."""
    k_h, k_w, s_h, s_w, d_h, d_w = form
    height, width = padded.shape[1], padded.shape[2]
    target, source = padded.reshape(-1), values.reshape(-1)
    rows = values.shape[1] // columns
    n, down = np.uint64(columns), np.uint64(s_h * width)
    for i in range(values.shape[0]):
        line = first_line + i
        start = ((line // (k_h * k_w)) * height + line // k_w % k_h * d_h + first_row * s_h) * width + line % k_w * d_w
        a, b = np.uint64(start), np.uint64(i * rows * columns)
        for _ in range(rows):
            if s_w == 1:
                for x in range(n):
                    target[a + x] += source[b + x]
            else:
                for x in range(n):
                    target[a + x * np.uint64(s_w)] += source[b + x]
            a += down
            b += n
