"""A user's own device, as the README shows one: everything that a new law needs."""

from dataclasses import dataclass

from torch import Tensor

from analogcli.crossbar import CustomDevice


@dataclass(frozen=True)
class Quadratic(CustomDevice):
    """q± = (1 ∓ w/τ)^γ."""

    gamma: float = 2.0

    def q_plus(self, w: Tensor) -> Tensor:
        return (1 - w / self.tau) ** self.gamma

    def q_minus(self, w: Tensor) -> Tensor:
        return (1 + w / self.tau) ** self.gamma
