"""The protocol between an engine and the training loop: a spec goes in, a model that can be trained comes out."""

from typing import Any, Protocol

import torch
from torch import Tensor

from analogcli.nn.models import ImageShape
from analogcli.spec import RunSpec
from analogcli.spec.support import BackendName


class Trainable(Protocol):
    """One model in training. Axes: B batch, C channel, H, W image, K classes."""

    def train_step(self, x_BCHW: Tensor, y_B: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch; return the loss before the update (0-d, detached, on the device)."""
        ...

    def log_probs(self, x_BCHW: Tensor) -> Tensor:
        """Return log-probabilities [B, K], with whatever noise the hardware has in inference."""
        ...

    def gradient_magnitude(self) -> float:
        """Return the mean of |∂L/∂W| over all weight matrices for the last mini-batch."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """Return the weights that the forward pass sees, by layer, on the CPU (a copy)."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Return everything that decides how training goes on, generator states included, as plain tensors."""
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict` of a model built from the same spec and seed."""
        ...


class Backend(Protocol):
    """An engine. ``repeatable`` says whether the same spec gives the same bits on one machine."""

    name: BackendName
    repeatable: bool

    def check(self) -> None:
        """Raise :class:`~analogcli.errors.BackendError` where this engine does not work on this machine."""
        ...

    def reason_against(self, device: torch.device) -> str | None:
        """Return why this engine cannot compute on ``device`` and takes the CPU instead, or None if it can."""
        ...

    def build(self, spec: RunSpec, shape: ImageShape, seed: int, device: torch.device) -> Trainable:
        """Return the untrained model with this seed on ``device``."""
        ...

    def resolved_config(self, spec: RunSpec) -> dict[str, Any]:
        """Return what the engine really runs, where that is more than the spec says (JSON data)."""
        ...
