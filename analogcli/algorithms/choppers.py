"""Choppers: signs on the columns of the fast array that are undone at the read, so that offsets of A average out.

::

    A_j takes c_j times the gradient;  H_j takes c_j times what is read;  c_j flips after reads of column j

Every replica flips by its own random numbers, which come from the keys of its seed: a model among many flips as the
same model alone does.

Axes: R replica.
"""

import numpy as np
import torch
from torch import Tensor

from analogcli.crossbar import Randomness
from analogcli.crossbar.kernels.hashing import uniform


def random_flips(arrays: int, probability: float, randomness: Randomness) -> Tensor:
    """Return [R, 1] of -1 with ``probability`` and else +1, for R stacked arrays."""
    flips_R = uniform(randomness.keys(arrays)) < probability
    return torch.from_numpy(np.where(flips_R, np.float32(-1), np.float32(1)))[:, None].to(randomness.device)
