"""Floating-point SGD on plain torch layers: the reference without any hardware.

::

    m ← μ m + g,   W ← W − lr m               (torch's SGD; μ = 0 is plain SGD)

Several models are one network of replica layers, equal to the models alone but for rounding.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from analogcli.backends.base import OnTorch
from analogcli.backends.gradient_noise import GradientNoise
from analogcli.backends.native import NativeModel
from analogcli.backends.network import NetworkOfModels, State
from analogcli.backends.rates import factors
from analogcli.backends.start import build_networks
from analogcli.crossbar import Randomness
from analogcli.nn import Chip, replicate
from analogcli.nn.models import ImageShape, build_model, learns
from analogcli.nn.replicas import replica, together
from analogcli.spec import FpSgd, HardwareAware, Ideal, RunSpec, Task
from analogcli.spec.support import BackendName


class DigitalBackend(OnTorch):
    """Floating point, on any torch device."""

    name: BackendName = "digital"

    def build(self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], device: torch.device) -> "DigitalModel":
        """Return the untrained models with these seeds on ``device``."""
        assert isinstance(spec.algorithm, FpSgd)
        networks = build_networks(spec.task, shape, seeds)
        return DigitalModel(networks, seeds, spec.task, spec.algorithm.momentum, device)

    def for_inference(
        self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], states: list[State], device: torch.device
    ) -> NativeModel:
        """Return the models on the native engine's tiles, read through AIHWKit's default periphery."""
        networks = [build_model(spec.task.model, shape, seed) for seed in seeds]
        for network, state in zip(networks, states, strict=True):
            network.load_state_dict({name: state[name] for name in network.state_dict()})
        chip = Chip(Ideal(), HardwareAware(), seeds=tuple(seeds), on=device)
        models = NativeModel(networks, chip, spec.task)
        models.chip.noise.restart("inference")
        return models

    def resolved_config(self, spec: RunSpec) -> dict[str, Any]:
        """Return nothing: the spec says it all."""
        del spec
        return {}


class DigitalModel(NetworkOfModels):
    """R models in training (:class:`~analogcli.backends.base.Trainable`)."""

    def __init__(
        self, networks: Sequence[Module], seeds: Sequence[int], task: Task, momentum: float, device: torch.device
    ) -> None:
        network = replicate(networks, seeds).to(device)
        super().__init__(network, len(seeds), task)
        self.freeze(learns(task.model, networks[0]))
        self.noise = GradientNoise.of(task, Randomness(seeds, device))
        self.momentum = momentum
        self.factors = factors(task, networks[0], network) or {}
        learnt = {n: p for n, p in self.parameters.items() if p.requires_grad}
        self.velocity = {n: torch.zeros_like(p) for n, p in learnt.items()} if momentum else {}

    def train_step(self, x_RBCHW: Tensor, y_RB: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch for each model; return the losses [R] before the update."""
        loss_R = self.forward_backward(x_RBCHW, y_RB)
        self.noise.add(self.parameters.values())
        with torch.no_grad():
            for name, p in self.parameters.items():
                if p.grad is None:
                    continue
                step = self.velocity[name].mul_(self.momentum).add_(p.grad) if self.momentum else p.grad
                p.sub_(step * self.factors[name] if self.factors else step, alpha=lr)
        return loss_R

    def exact_outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [R, B, K]: there is no hardware."""
        return self.outputs(x_BCHW)

    def end_of_epoch(self, train_loss_R: Tensor) -> None:
        """Nothing in plain SGD follows the loss."""

    def gradient_magnitude(self) -> list[float]:
        """Return the means of |∂L/∂W| over the entries of all weight matrices; 0 before the first mini-batch."""
        return [self._gradient_magnitude(r) for r in range(self.replicas)]

    def _gradient_magnitude(self, r: int) -> float:
        found = [p.grad for p in self.parameters.values() if p.dim() > 1 and p.grad is not None]
        matrices = [replica(g, r, self.replicas) for g in found]
        total = sum(float(g.abs().sum()) for g in matrices)
        return total / max(sum(g.numel() for g in matrices), 1)

    def weights(self) -> list[dict[str, Tensor]]:
        """Return a copy of the weights, biases left out, by layer on the CPU."""
        found = {n.removesuffix(".weight"): p.detach() for n, p in self.parameters.items() if p.dim() > 1}
        parts = range(self.replicas)
        return [{n: replica(p, r, self.replicas).to("cpu", copy=True) for n, p in found.items()} for r in parts]

    def state_dict(self) -> list[State]:
        """Return parameters, running statistics and momentum buffers of each model, flat."""
        states = super().state_dict()
        for r, (state, noise) in enumerate(zip(states, self.noise.of_models(), strict=True)):
            state |= {f"momentum/{n}": replica(v, r, self.replicas).clone() for n, v in self.velocity.items()} | noise
        return states

    def load_state_dict(self, states: list[State]) -> None:
        """Continue from :meth:`state_dict`."""
        super().load_state_dict(states)
        for name, v in self.velocity.items():
            v.copy_(together([state[f"momentum/{name}"] for state in states]))
        self.noise.load_state_dict(states[0])
