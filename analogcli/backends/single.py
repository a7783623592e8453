"""An engine that trains one model at a time, behind the protocol of those that train several: R is 1."""

from typing import Protocol

from torch import Tensor

State = dict[str, Tensor]


class SingleModel(Protocol):
    """One model in training. Axes: B batch, C channel, H, W image, K outputs."""

    def train_step(self, x_BCHW: Tensor, y_B: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch; return the loss before the update (0-d, detached, on the device)."""
        ...

    def outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [B, K], with whatever noise the hardware has in inference."""
        ...

    def exact_outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [B, K] that the same weights would give without the hardware's converters and noise."""
        ...

    def gradient_magnitude(self) -> float:
        """Return the mean of |∂L/∂W| over all weight matrices for the last mini-batch."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """Return the weights that the forward pass sees, by layer, on the CPU (a copy)."""
        ...

    def state_dict(self) -> State:
        """Return everything that decides how training goes on."""
        ...

    def load_state_dict(self, state_dict: State) -> None:
        """Continue from :meth:`state_dict` of a model built from the same spec and seed."""
        ...


class OneAtATime:
    """A single model as R = 1 models (:class:`~analogcli.backends.base.Trainable`)."""

    def __init__(self, model: SingleModel) -> None:
        self.model = model

    def train_step(self, x_RBCHW: Tensor, y_RB: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch; return the loss [1] before the update."""
        return self.model.train_step(x_RBCHW[0], y_RB[0], lr)[None]

    def outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [1, B, K]."""
        return self.model.outputs(x_BCHW)[None]

    def exact_outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [1, B, K] of the weights as they are."""
        return self.model.exact_outputs(x_BCHW)[None]

    def end_of_epoch(self, train_loss_R: Tensor) -> None:
        """The engine does not follow the loss."""

    def gradient_magnitude(self) -> list[float]:
        """Return the mean of |∂L/∂W| over all weight matrices for the last mini-batch."""
        return [self.model.gradient_magnitude()]

    def weights(self) -> list[dict[str, Tensor]]:
        """Return the weights that the forward pass sees, by layer, on the CPU."""
        return [self.model.weights()]

    def state_dict(self) -> list[State]:
        """Return everything that decides how training goes on."""
        return [self.model.state_dict()]

    def load_state_dict(self, states: list[State]) -> None:
        """Continue from :meth:`state_dict`."""
        self.model.load_state_dict(states[0])
