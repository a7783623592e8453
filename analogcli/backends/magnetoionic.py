"""The magneto-ionic engine: networks of double devices, any number of models and of settings at once.

::

    images [R, B, C, H, W] ─► x [R, B, I], the border left out ─► PairNetwork

Models that see the same images in the same order, as in the authors' code, share them: x is then one mini-batch that is
laid R times over itself. Axes: R replica (model), B batch, C channel, H, W image, I input, K classes.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NoReturn

import torch
from torch import Tensor

from analogcli.backends.base import OnTorch
from analogcli.errors import BackendError
from analogcli.magnetoionic import PairNetwork, law_of, weights_of
from analogcli.nn.models import ImageShape
from analogcli.nn.models.fcn_batchnorm import sizes
from analogcli.spec import BatchNormFcnModel, DoubleDevice, RunSpec
from analogcli.spec.support import BackendName

State = dict[str, Tensor]
MAY_DIFFER = ("algorithm.law", "algorithm.sha256", "algorithm.clipping", "task.lr", "seed", "n_models")
"""Fields in which runs may differ that are trained at once."""


class MagnetoionicBackend(OnTorch):
    """Double devices on any torch device."""

    name: BackendName = "magnetoionic"

    def build(
        self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], device: torch.device
    ) -> "MagnetoionicModels":
        """Return the untrained models with these seeds on ``device``."""
        return self.build_several([spec] * len(seeds), shape, seeds, device)

    def for_inference(
        self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], states: list[State], device: torch.device
    ) -> NoReturn:
        """Refuse: these devices hold their weights themselves."""
        raise BackendError(
            "a magneto-ionic run has its weights on devices of its own, and they are not written onto other memory; "
            "choose a run of backend digital, native or aihwkit (`analog list runs`)"
        )

    def build_several(
        self, specs: Sequence[RunSpec], shape: ImageShape, seeds: Sequence[int], device: torch.device
    ) -> "MagnetoionicModels":
        """Return untrained models of several runs, which may differ in law, dead zone and learning rate.

        The rate that they are given is the first one's; the others keep their distance to it.
        """
        algorithms = [spec.algorithm for spec in specs if isinstance(spec.algorithm, DoubleDevice)]
        model = specs[0].task.model
        assert isinstance(model, BatchNormFcnModel) and len(algorithms) == len(specs)
        full, *further = sizes(model, shape)
        seen = shape.channels * shape.height * shape.width
        network = PairNetwork(model, algorithms, [seen, *further], full - seen, seeds, device)
        rates = [spec.task.lr / specs[0].task.lr for spec in specs]
        return MagnetoionicModels(network, torch.tensor(rates, dtype=torch.float64))

    def alike(self, spec: RunSpec) -> str:
        """Return all of a spec but law, dead zone, learning rate, seed and number of models."""
        return repr({path: value for path, value in spec.leaves().items() if path not in MAY_DIFFER})

    def bytes_of_model(self, spec: RunSpec, shape: ImageShape) -> int:
        """Return the memory of states, weights, gradients and responses of all pairs (float32), and as much again."""
        model = spec.task.model
        assert isinstance(model, BatchNormFcnModel)
        widths = sizes(model, shape)
        return 2 * 4 * 6 * sum(before * after for before, after in pairwise(widths))

    def resolved_config(self, spec: RunSpec) -> dict[str, Any]:
        """Return the range of the device law and the noise that follows from another field."""
        assert isinstance(spec.algorithm, DoubleDevice)
        law = law_of(spec.algorithm)
        return {"start": law.start, "stop": law.stop, "pulses": law.pulses, "voltage_noise": spec.algorithm.sigma_v}


class MagnetoionicModels:
    """R models in training (:class:`~analogcli.backends.base.Trainable`)."""

    def __init__(self, network: PairNetwork, rate_R: Tensor) -> None:
        self.network = network
        self.rate_R = rate_R
        """Learning rate of each model, relative to the first one's."""

    @torch.no_grad()
    def train_step(self, x_RBCHW: Tensor, y_RB: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch for each model; return the losses [R] before the update."""
        # In double precision: rounded once, the rate is the one that the model would have alone.
        lr_R = (lr * self.rate_R).to(x_RBCHW.device, torch.float32)
        return self.network.train_step(x_RBCHW.flatten(2), y_RB, lr_R)

    def outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return log-probabilities [R, B, K], with the noise of the voltages."""
        return self.network.log_probs(x_BCHW.flatten(1))

    def relaxed(self) -> "MagnetoionicModels | None":
        """Return these models, for tests only, after the field was switched; None if their law knows no field."""
        swapped = self.network.swapped()
        return MagnetoionicModels(swapped, self.rate_R) if swapped else None

    def end_of_epoch(self, train_loss_R: Tensor) -> None:
        """Nothing here follows the loss."""

    def gradient_magnitude(self) -> list[float]:
        """Return for each model the mean of |∂L/∂w| over all devices; 0 before the first mini-batch."""
        return self.network.gradient_magnitude()

    def weights(self) -> list[dict[str, Tensor]]:
        """Return a copy of w₂ − w₁ by layer, on the CPU; without the border."""
        states = self.state_dict()
        return [{name: w_OI.cpu() for name, w_OI in weights_of(state).items()} for state in states]

    def state_dict(self) -> list[State]:
        """Return for each model everything that decides how its training goes on."""
        return self.network.state_dict()

    def load_state_dict(self, states: list[State]) -> None:
        """Continue from :meth:`state_dict`."""
        self.network.load_state_dict(states)
