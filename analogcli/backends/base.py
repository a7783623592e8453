"""The protocol between an engine and the training loop: a spec goes in, models that can be trained come out."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from analogcli.nn.models import ImageShape
from analogcli.spec import PcmInference, RunSpec
from analogcli.spec.support import BackendName

State = dict[str, Tensor]
"""Everything of one model that decides how its training goes on, as plain tensors."""


class Trainable(Protocol):
    """R models in training, each on its own mini-batches.

    Axes: R replica (model), B batch, C channel, H, W image, K outputs; targets are labels [R, B] or numbers [R, B, K].
    """

    def train_step(self, x_RBCHW: Tensor, y_RB: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch for each model; return the losses [R] before the update (detached)."""
        ...

    def outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [R, B, K] of all models for the same images, with the hardware's noise.

        Those of a classifier are log-probabilities.
        """
        ...

    def end_of_epoch(self, train_loss_R: Tensor) -> None:
        """Hear the mean training loss of the epoch: some algorithms change what they do when it no longer falls."""
        ...

    def gradient_magnitude(self) -> list[float]:
        """Return for each model the mean of |∂L/∂W| over all its weight matrices for the last mini-batch."""
        ...

    def weights(self) -> list[dict[str, Tensor]]:
        """Return for each model the weights that its forward pass sees, by layer, on the CPU (a copy)."""
        ...

    def state_dict(self) -> list[State]:
        """Return for each model everything that decides how its training goes on, random streams included."""
        ...

    def load_state_dict(self, states: list[State]) -> None:
        """Continue from :meth:`state_dict` of models built from the same spec and seeds, whatever they stood beside."""
        ...


@runtime_checkable
class Relaxes(Protocol):
    """Models whose devices change when they are no longer trained, at once and for good."""

    def relaxed(self) -> Trainable | None:
        """Return them as they are after that, for tests only; None if these do not change."""
        ...


@runtime_checkable
class Saturates(Protocol):
    """Models whose weights are held by devices with bounds."""

    def saturation(self) -> list[dict[str, Tensor]]:
        """Return for each model |w|/bound of every device that holds a weight, by layer, on the CPU."""
        ...


class Programmable(Protocol):
    """R trained models that are written onto phase-change memory and read at any time after that.

    Axes: R replica (model), B batch, C channel, H, W image, K outputs.
    """

    def outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [R, B, K] of all models for the same images, with the hardware's noise.

        Before the first :meth:`program` they are those of the trained weights.
        """
        ...

    def program(self, settings: PcmInference, repeat: int) -> None:
        """Write the trained weights onto new devices; ``repeat`` and each model's seed decide which."""
        ...

    def at_time(self, seconds: float) -> None:
        """Let what was programmed last be ``seconds`` old, whatever it was before."""
        ...


@runtime_checkable
class ReadsExactly(Protocol):
    """Models whose weights can be seen as they are, which the errors of least-squares problems are made of."""

    def exact_outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [R, B, K] that the same weights would give without the hardware's converters and noise."""
        ...


@runtime_checkable
class Fuses(Protocol):
    """An engine that trains models of several runs at once."""

    def alike(self, spec: RunSpec) -> str:
        """Return what only runs have in common that can be trained at once."""
        ...

    def bytes_of_model(self, spec: RunSpec, shape: ImageShape) -> int:
        """Return about how much memory a model takes in training [bytes]."""
        ...

    def build_several(
        self, specs: Sequence[RunSpec], shape: ImageShape, seeds: Sequence[int], device: torch.device
    ) -> Trainable:
        """Return untrained models, one for each spec and seed; their learning rates are relative to the first one's."""
        ...


class Backend(Protocol):
    """An engine."""

    name: BackendName
    repeatable: bool
    """Whether the same spec gives the same bits on one machine."""
    several: bool
    """Whether it trains several models at once."""

    def check(self) -> None:
        """Raise :class:`~analogcli.errors.BackendError` where this engine does not work on this machine."""
        ...

    def reason_against(self, device: torch.device) -> str | None:
        """Return why this engine cannot compute on ``device`` and takes the CPU instead, or None if it can."""
        ...

    def notes(self, spec: RunSpec) -> list[str]:
        """Return what a user should know of this run on this engine, one sentence each."""
        ...

    def build(self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], device: torch.device) -> Trainable:
        """Return the untrained models with these seeds on ``device``; one seed if the engine takes one at a time."""
        ...

    def for_inference(
        self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], states: list[State], device: torch.device
    ) -> Programmable:
        """Return the models with these seeds and states on the hardware that they are to be inferred on."""
        ...

    def resolved_config(self, spec: RunSpec) -> dict[str, Any]:
        """Return what the engine really runs, where that is more than the spec says (JSON data)."""
        ...


class OnTorch:
    """What the engines have in common that are made of torch alone: they work everywhere, seeded, on several models."""

    repeatable = True
    several = True

    def check(self) -> None:
        """It works wherever it can be imported."""

    def reason_against(self, device: torch.device) -> None:
        """Any torch device will do."""

    def notes(self, spec: RunSpec) -> list[str]:
        """Return nothing: the engine does what the spec says."""
        del spec
        return []
