"""The random numbers of R models that live in the same tensors: each has its own seed, whatever its neighbours are.

The compiled loops of the CPU take a fresh 64-bit key for every replica and every call, and hash it with the place where
a number is used; plain tensor operations take the generator. A model's keys depend on its own seed and on how often
keys were asked for, so that a model trained alone and the same model among ten see the same numbers on the CPU. How
often must not depend on what the models hold: one that skips something takes the keys for it all the same.

Axes: R replica, G group of one replica (convolutions with groups have one array for each).
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analogcli.crossbar.kernels.hashing import fill_normal, fill_uniform, fresh_keys
from analogcli.generators import derived_seed, stream

Keys = NDArray[np.uint64]

AHEAD = 64
"""Calls for which keys are made at a time: one call a read would cost as much as a small read."""


class Randomness:
    """Explicit source of randomness for read noise, pulses and transfers of all arrays of R models."""

    def __init__(self, seeds: Sequence[int], device: torch.device | str = "cpu") -> None:
        self._seeds = tuple(seeds)
        self.generator = torch.Generator(device)
        """For plain tensor operations; its device is where the models live."""
        self.restart("noise")

    def restart(self, purpose: str) -> None:
        """Begin the random numbers of ``purpose``, which depend on the seeds and on it, and on nothing before."""
        self.generator = stream(self._seeds[0], purpose, self.device)
        self._seed_R = np.array([derived_seed(seed, purpose) for seed in self._seeds], np.uint64)
        self._count = 0
        self._ahead_NR = np.empty((0, 0), np.uint64)

    @property
    def device(self) -> torch.device:
        """Where the models live."""
        return self.generator.device

    @property
    def replicas(self) -> int:
        """R, the number of models."""
        return len(self._seed_R)

    def keys(self, arrays: int) -> Keys:
        """Return fresh keys for ``arrays`` = R·G stacked arrays, replica by replica."""
        place = self._count % AHEAD
        if arrays != self._ahead_NR.shape[1] or place == 0:
            groups = arrays // len(self._seed_R)
            self._ahead_NR = fresh_keys(self._seed_R, self._count - place, AHEAD, groups)
        self._count += 1
        keys: Keys = self._ahead_NR[place]
        return keys

    def normal(self, shape_ROI: tuple[int, int, int]) -> Tensor:
        """Return standard normal numbers [R, O, I]; on the CPU those of each array follow its own key."""
        if self.device.type != "cpu":
            return torch.randn(shape_ROI, generator=self.generator, device=self.device)
        xi_ROI = torch.empty(shape_ROI)
        fill_normal(xi_ROI.view(shape_ROI[0], -1).numpy(), self.keys(shape_ROI[0]))
        return xi_ROI

    def uniform(self, shape_ROI: tuple[int, int, int]) -> Tensor:
        """Return numbers [R, O, I] that are equally likely everywhere from 0 to below 1, as :meth:`normal` does."""
        if self.device.type != "cpu":
            return torch.rand(shape_ROI, generator=self.generator, device=self.device)
        u_ROI = torch.empty(shape_ROI)
        fill_uniform(u_ROI.view(shape_ROI[0], -1).numpy(), self.keys(shape_ROI[0]))
        return u_ROI

    def state_dict(self) -> dict[str, Tensor]:
        """Return what decides all numbers to come."""
        return {"generator": self.generator.get_state(), "count": torch.tensor(self._count)}

    def of_models(self) -> list[dict[str, Tensor]]:
        """Return for each model what decides its numbers to come.

        The generator serves all models together and goes with the first of them; the others get their own, which is
        still fresh, so that models of one group do not share one when they are parted.
        """
        own = self.state_dict()
        others = [Randomness([seed], self.device).state_dict() | {"count": own["count"]} for seed in self._seeds[1:]]
        return [own, *others]

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        self.generator.set_state(state["generator"].cpu())
        self._count = int(state["count"])
        self._ahead_NR = np.empty((0, 0), np.uint64)
