"""Reads of a convolution with many groups as one compiled loop over them: a depthwise layer has hundreds of arrays.

::

    forward    patches [I, N] ─► DAC ─► W · ─► ADC ─► out[image, group's channels, row, column]        group after group
    backward   d [O, N]       ─► DAC ─► Wᵀ · ─► ADC ─► added to the group's channels of the image

The same steps with the same random numbers as :mod:`.convolution` takes one group at a time, but for the order in which
products are added up. Arrays of a group are small (9 or 25 lines), so that plain loops do their products.

Axes: A array (replica and group), B image, C channel, O out, I in, N position of a block.
"""

import numpy as np
from numba import njit

from analogcli.crossbar.kernels.lines import decode_lines, encode_lines
from analogcli.nn.patch_kernels import emit, fill, scatter


@njit(cache=True, nogil=True, error_model="numpy")
def product(w, x):  # type: ignore[no-untyped-def]
    """Return ``w`` [O, I] times ``x`` [I, N]."""
    y = np.zeros((w.shape[0], x.shape[1]), np.float32)
    for o in range(w.shape[0]):
        target = y[o]
        for i in range(w.shape[1]):
            weight, source = w[o, i], x[i]
            for s in range(len(source)):
                target[s] += weight * source[s]
    return y


@njit(cache=True, nogil=True, error_model="numpy")
def read(w, x, key, first, total, perfect, form):  # type: ignore[no-untyped-def]
    """Return ``w`` times ``x`` as the periphery sees it, and whether any output clips; ``x`` becomes DAC codes."""
    if perfect:
        return product(w, x), False
    n = x.shape[1]
    scale, spread, clips = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.uint32)
    encode_lines(x, scale, spread, key, first, total, form)
    y = product(w, x)
    return y, decode_lines(y, scale, spread, clips, key, first, total, form)


@njit(cache=True, nogil=True, error_model="numpy")
def read_groups(  # type: ignore[no-untyped-def]
    images, which, block, w, omega, factor, bias, keys, place, total, perfect, form, patch, out, image, part, clipped
):
    """Read all groups of one replica for one block of its images; ``clipped`` tells which must be read once more.

    ``block`` is the first row of the output, the number of rows and the columns; ``omega`` [A, O] the digital scale of
    an array's outputs, or empty; ``part`` [A, O, N] takes what the arrays give, unless it is empty.
    """
    groups, n_out, lines = w.shape
    channels = images.shape[1] // groups
    top, rows, columns = block
    n = (which[1] - which[0]) * rows * columns
    x = np.empty((lines, n), np.float32)
    for g in range(groups):
        fill(images, which, g * channels, x, 0, 0, top, rows, columns, patch)
        y, clipped[g] = read(w[g], x, keys[g], place, total, perfect, form)
        for o in range(omega.shape[1]):
            for s in range(n):
                y[o, s] *= omega[g, o]
        if part.shape[2]:
            part[g, :, place : place + n] = y
        emit(y, out, image, g * n_out, top * columns, rows * columns, factor[g], bias[g], False)


@njit(cache=True, nogil=True, error_model="numpy")
def read_groups_back(d, w, omega, factor, keys, place, total, perfect, form, patch, images, which, block):  # type: ignore[no-untyped-def]
    """Read all groups of one replica backwards, from ``d`` [A, O, N] at ``place``; adds to the images of the block."""
    groups, n_out = w.shape[:2]
    channels = images.shape[1] // groups
    top, rows, columns = block
    n = (which[1] - which[0]) * rows * columns
    own = np.empty((n_out, n), np.float32)
    for g in range(groups):
        for o in range(n_out):
            scale = factor[g] * omega[g, o] if omega.shape[1] else factor[g]
            for s in range(n):
                own[o, s] = d[g, o, place + s] * scale
        x, _ = read(w[g].T, own, keys[g], place, total, perfect, form)
        scatter(images, which, g * channels, x, 0, 0, top, rows, columns, patch)
