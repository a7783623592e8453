"""Several arrays whose weighted sum is the weight: what all algorithms with more than one array share.

::

    W = Σ_i gamma_i W_i            array 0 takes the gradient; the last one has gamma = 1 and holds what is written

A sum of one term with gamma = 1 is that array itself. AIHWKit counterpart: ``VectorUnitCell`` and the
``TransferCompound`` derived from it, "fully hidden" if the last array alone is seen.

Axes: R replica, B sample (or image patch), O out, I in.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from analogcli.crossbar import CrossbarArray, Randomness


class Compound:
    """Arrays that learn together (part of :class:`~analogcli.crossbar.Cell`; an algorithm adds ``update``)."""

    remembers: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that training changes, counters and tensors."""

    def __init__(self, arrays: Sequence[CrossbarArray], gammas: Sequence[float]) -> None:
        self.arrays = list(arrays)
        self.gammas = list(gammas)
        self._hidden = not any(gammas[:-1]) and gammas[-1] == 1
        slow = self.arrays[-1].seen_ROI
        self._visible_ROI = slow if self._hidden else slow.clone()

    @property
    def shape(self) -> tuple[int, int, int]:
        """R, O, I."""
        return self.arrays[0].shape

    @property
    def holding(self) -> CrossbarArray:
        """The last array."""
        return self.arrays[-1]

    def visible(self) -> Tensor:
        """Return the weighted sum that reads see."""
        return self._visible_ROI

    def set_weights(self, w_ROI: Tensor, randomness: Randomness) -> None:
        """Write the visible weights onto the last array, 0 onto all others, and forget everything."""
        zero_ROI = torch.zeros_like(self.arrays[0].w_ROI)
        for array in self.arrays[:-1]:
            array.set_weights(zero_ROI, randomness)
        self.arrays[-1].set_weights(w_ROI / self.gammas[-1], randomness)
        self.forget()
        self.mix()

    def forget(self) -> None:
        """Set what the algorithm remembers to its first value, 0 unless an algorithm says otherwise."""
        for name in self.remembers:
            value = getattr(self, name)
            if isinstance(value, Tensor):
                value.zero_()
            else:
                setattr(self, name, 0)

    def mix(self) -> None:
        """Bring the visible weights up to date; to be called after the arrays changed."""
        if self._hidden:
            return
        torch.mul(self.arrays[-1].seen_ROI, self.gammas[-1], out=self._visible_ROI)
        for array, gamma in zip(self.arrays[:-1], self.gammas[:-1], strict=True):
            self._visible_ROI.add_(array.seen_ROI, alpha=gamma)

    def end_update(self, randomness: Randomness) -> None:
        """Let one mini-batch's time pass, and bring the visible weights up to date."""
        for array in self.arrays:
            array.decay(randomness)
        self.mix()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the arrays and what the algorithm remembers."""
        state = {f"array{i}.{k}": v for i, array in enumerate(self.arrays) for k, v in array.state_dict().items()}
        return state | {name: torch.as_tensor(getattr(self, name)).clone() for name in self.remembers}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        for i, array in enumerate(self.arrays):
            prefix = f"array{i}."
            array.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        for name in self.remembers:
            value = getattr(self, name)
            if isinstance(value, Tensor):
                value.copy_(state[name])
            else:
                setattr(self, name, int(state[name]))
        self.mix()
