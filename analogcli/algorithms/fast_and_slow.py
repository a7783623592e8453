"""A fast array that takes the gradient and a slow one that is given its columns: what all of Tiki-Taka's kin share.

::

    A ← pulses of lr_fast d xᵀ           every sample
    C ← what the algorithm makes of the next columns of A, when a transfer is due
    W = gamma A + C

Axes: R replica, B sample (or image patch), O out, I in.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from torch import Tensor

from analogcli.algorithms.compound import Compound
from analogcli.algorithms.transfer import period, segments, transfer_pulses
from analogcli.crossbar import CrossbarArray, Randomness
from analogcli.crossbar.periphery import AnalogRead
from analogcli.spec import Transfer, Update

A = TypeVar("A", bound=Transfer)


class FastAndSlow(Compound, Generic[A]):
    """Two arrays, the read of the one, the write onto the other, and how far both have come."""

    remembers: ClassVar[tuple[str, ...]] = ("vectors", "cursor")

    def __init__(self, fast: CrossbarArray, slow: CrossbarArray, algorithm: A, pulses: Update) -> None:
        super().__init__([fast, slow], [algorithm.gamma, 1.0])
        self.algorithm = algorithm
        self.pulses = pulses
        self.read = AnalogRead(algorithm.transfer_read)
        self.write = transfer_pulses(algorithm.transfer_update, pulses)
        self.vectors = 0
        """Vectors seen."""
        self.cursor = 0
        """Column to be read next."""

    def fast_lr(self, lr: float) -> float:
        """Return the learning rate of the gradient where the optimizer's is ``lr``."""
        return self.algorithm.fast_lr or lr


class PlainFastAndSlow(FastAndSlow[A], ABC):
    """The same where the fast array takes the gradient as it is, and every due transfer is one call."""

    def update(self, x_RBI: Tensor, d_RBO: Tensor, lr: float, randomness: Randomness) -> None:
        """Send the gradient onto the fast array, and transfer when it is time to."""
        spec, batch = self.algorithm, x_RBI.shape[1]
        every = period(spec.transfer_every, spec.units_in_mbatch, batch)
        for samples, due in segments(self.vectors, batch, [every]):
            self.arrays[0].pulse(x_RBI[:, samples], d_RBO[:, samples], self.fast_lr(lr), self.pulses, randomness)
            if due:
                self._transfer(lr, randomness)
        self.vectors += batch
        self.end_update(randomness)

    @abstractmethod
    def _transfer(self, lr: float, randomness: Randomness) -> None:
        """Read the next columns of the fast array, and write what follows from them; moves the cursor on."""
