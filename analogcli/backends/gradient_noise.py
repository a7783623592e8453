"""Noise on the gradient: what the papers' dynamics have instead of mini-batches.

::

    g ← g + σ ξ          every entry of every weight matrix and bias, anew in every step, ξ standard normal

Axes: R replica (model), n the rest of a parameter, whose models lie behind one another along its first axis.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from analogcli.crossbar import Randomness
from analogcli.spec import LeastSquaresTask, Task

State = dict[str, Tensor]
PREFIX = "gradient_noise/"


@dataclass(frozen=True)
class GradientNoise:
    """The noise of R models; nothing is drawn where its standard deviation is 0."""

    sigma: float
    randomness: Randomness

    @classmethod
    def of(cls, task: Task, randomness: Randomness) -> Self:
        """Return the noise that a task asks for; only least-squares problems have any."""
        return cls(task.gradient_noise if isinstance(task, LeastSquaresTask) else 0.0, randomness)

    def draw(self, shape_Rn: tuple[int, int, int]) -> Tensor:
        """Return the noise for a gradient of this shape."""
        return self.sigma * self.randomness.normal(shape_Rn)

    @torch.no_grad()
    def add(self, parameters: Iterable[Tensor]) -> None:
        """Add noise to the gradients of all models' parameters."""
        if not self.sigma:
            return
        replicas = self.randomness.replicas
        for p in parameters:
            if p.grad is not None:
                p.grad += self.draw((replicas, 1, p.numel() // replicas)).view(p.shape)

    def of_models(self) -> list[State]:
        """Return for each model what decides its noise to come."""
        states = self.randomness.of_models() if self.sigma else [{} for _ in range(self.randomness.replicas)]
        return [{PREFIX + name: tensor for name, tensor in state.items()} for state in states]

    def load_state_dict(self, state: State) -> None:
        """Continue from what :meth:`of_models` gave the first model, which may be part of a model's state."""
        if self.sigma:
            own = {name.removeprefix(PREFIX): tensor for name, tensor in state.items() if name.startswith(PREFIX)}
            self.randomness.load_state_dict(own)
