"""Floating-point SGD on plain torch layers: the reference without any hardware.

::

    m ← μ m + g,   W ← W − lr m               (torch's SGD; μ = 0 is plain SGD)
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import nll_loss

from analogcli.generators import stream
from analogcli.nn import TorchLayers
from analogcli.nn.models import ImageShape, build_model
from analogcli.spec import FpSgd, RunSpec
from analogcli.spec.support import BackendName


class DigitalBackend:
    """Floating point, on any torch device."""

    name: BackendName = "digital"
    repeatable = True

    def check(self) -> None:
        """Plain torch works wherever this can be imported."""

    def reason_against(self, device: torch.device) -> None:
        """Any torch device will do."""

    def build(self, spec: RunSpec, shape: ImageShape, seed: int, device: torch.device) -> "DigitalModel":
        """Return the untrained model with this seed on ``device``."""
        assert isinstance(spec.algorithm, FpSgd)
        network = build_model(spec.task.model, shape, TorchLayers(stream(seed, "init")))
        return DigitalModel(network.to(device), spec.algorithm.momentum)

    def resolved_config(self, spec: RunSpec) -> dict[str, Any]:
        """Return nothing: the spec says it all."""
        del spec
        return {}


class DigitalModel:
    """A network in training. Axes: B batch, C channel, H, W image, K classes."""

    def __init__(self, network: Module, momentum: float) -> None:
        self.network = network
        self.momentum = momentum
        self.parameters = dict(network.named_parameters())
        self.velocity = {n: torch.zeros_like(p) for n, p in self.parameters.items()} if momentum else {}

    def train_step(self, x_BCHW: Tensor, y_B: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch; return the loss before the update."""
        for p in self.parameters.values():
            p.grad = None
        loss = nll_loss(self.network(x_BCHW), y_B)
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for name, p in self.parameters.items():
                assert p.grad is not None
                step = self.velocity[name].mul_(self.momentum).add_(p.grad) if self.momentum else p.grad
                p.sub_(step, alpha=lr)
        return loss.detach()

    @torch.no_grad()
    def log_probs(self, x_BCHW: Tensor) -> Tensor:
        """Return log-probabilities [B, K]."""
        log_probs_BK: Tensor = self.network(x_BCHW)
        return log_probs_BK

    def gradient_magnitude(self) -> float:
        """Return the mean of |∂L/∂W| over the entries of all weight matrices; 0 before the first mini-batch."""
        matrices = [p.grad for p in self.parameters.values() if p.dim() > 1 and p.grad is not None]
        total = sum(float(g.abs().sum()) for g in matrices)
        return total / max(sum(g.numel() for g in matrices), 1)

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights, biases left out, by layer on the CPU."""
        found = ((n, p.detach()) for n, p in self.parameters.items() if p.dim() > 1)
        return {n.removesuffix(".weight"): p.to("cpu", copy=True) for n, p in found}

    def state_dict(self) -> dict[str, Tensor]:
        """Return parameters and momentum buffers, flat."""
        state = {n: p.detach().clone() for n, p in self.parameters.items()}
        return state | {f"momentum/{n}": v.clone() for n, v in self.velocity.items()}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        for name, p in self.parameters.items():
            p.copy_(state[name])
        for name, v in self.velocity.items():
            v.copy_(state[f"momentum/{name}"])
