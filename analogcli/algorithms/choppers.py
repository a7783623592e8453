"""Choppers: signs on the columns of the fast array that are undone at the read, so that offsets of A average out.

::

    A_j takes c_j times the gradient;  H_j takes c_j times what is read;  c_j flips after reads of column j

Every replica flips by its own random numbers, which come from the keys of its seed: a model among many flips as the
same model alone does.

Axes: R replica.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analogcli.crossbar import Randomness

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def random_flips(arrays: int, probability: float, randomness: Randomness) -> Tensor:
    """Return [R, 1] of -1 with ``probability`` and else +1, for R stacked arrays."""
    flips_R = uniform(randomness.keys(arrays)) < probability
    return torch.from_numpy(np.where(flips_R, np.float32(-1), np.float32(1)))[:, None].to(randomness.device)


def uniform(key_R: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return one number in [0, 1) for each key (the finaliser of SplitMix64, Steele et al. 2014)."""
    z_R = (key_R ^ (key_R >> np.uint64(30))) * _MIX_1
    z_R = (z_R ^ (z_R >> np.uint64(27))) * _MIX_2
    z_R = z_R ^ (z_R >> np.uint64(31))
    return (z_R >> np.uint64(11)).astype(np.float64) * 2.0**-53
