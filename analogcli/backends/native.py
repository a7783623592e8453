"""The native engine: analog layers of :mod:`analogcli.nn`, any device law, every random number seeded.

::

    forward and backward reads through the periphery ─► x and d of every layer
    algorithm on every tile (weights)                 ─► W
    plain SGD with the same learning rate             ─► bias, out scale
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Sequential
from torch.nn.functional import nll_loss

from analogcli.algorithms import analog_sgd
from analogcli.crossbar.periphery import MAX_BM_FACTOR, MAX_BM_RES
from analogcli.generators import stream
from analogcli.nn import AnalogLayer, AnalogLayers, Chip
from analogcli.nn.array import TileStep
from analogcli.nn.models import ImageShape, build_model
from analogcli.spec import RunSpec
from analogcli.spec.support import BackendName

STEPS: dict[str, TileStep] = {"analog-sgd": analog_sgd.step}


class NativeBackend:
    """Simulated arrays in PyTorch, on any torch device."""

    name: BackendName = "native"
    repeatable = True

    def check(self) -> None:
        """Pure torch works wherever this can be imported."""

    def reason_against(self, device: torch.device) -> None:
        """Any torch device will do."""

    def build(self, spec: RunSpec, shape: ImageShape, seed: int, device: torch.device) -> "NativeModel":
        """Return the untrained model with this seed on ``device``."""
        assert spec.device and spec.periphery and spec.mapping and spec.update
        chip = Chip(spec.device, spec.periphery, spec.mapping, spec.update, seed, noise=stream(seed, "noise", device))
        network = build_model(spec.task.model, shape, AnalogLayers(chip, stream(seed, "init")))
        return NativeModel(network, chip.noise, STEPS[spec.algorithm.kind])

    def resolved_config(self, spec: RunSpec) -> dict[str, Any]:
        """Return the constants of the engine that no field of the spec sets."""
        del spec
        return {"max_bm_factor": MAX_BM_FACTOR, "max_bm_res": MAX_BM_RES, "digital_bias": True}


class NativeModel:
    """A network on arrays in training. Axes: B batch, C channel, H, W image, K classes."""

    def __init__(self, network: Sequential, noise: torch.Generator, step: TileStep) -> None:
        self.network = network
        self.noise = noise
        self.step = step
        self.layers = {name: layer for name, layer in network.named_children() if isinstance(layer, AnalogLayer)}
        self.parameters = dict(network.named_parameters())

    def train_step(self, x_BCHW: Tensor, y_B: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch; return the loss before the update."""
        for p in self.parameters.values():
            p.grad = None
        loss = nll_loss(self.network(x_BCHW), y_B)
        loss.backward()  # type: ignore[no-untyped-call]
        for layer in self.layers.values():
            layer.learn(self.step, lr)
        with torch.no_grad():
            for p in self.parameters.values():
                assert p.grad is not None
                p.sub_(p.grad, alpha=lr)
        return loss.detach()

    @torch.no_grad()
    def log_probs(self, x_BCHW: Tensor) -> Tensor:
        """Return log-probabilities [B, K]; the read noise stays on, as on hardware."""
        log_probs_BK: Tensor = self.network(x_BCHW)
        return log_probs_BK

    def gradient_magnitude(self) -> float:
        """Return the mean of |∂L/∂W| over the entries of all weight matrices; 0 before the first mini-batch."""
        gradients = [layer.array.gradient() for layer in self.layers.values()]
        return sum(float(g.abs().sum()) for g in gradients) / sum(g.numel() for g in gradients)

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights that the forward pass sees, by layer, on the CPU."""
        return {name: layer.weights().to("cpu", copy=True) for name, layer in self.layers.items()}

    def state_dict(self) -> dict[str, Tensor]:
        """Return digital parameters, tiles and the state of the read noise, flat; devices follow from spec and seed."""
        state = {n: p.detach().clone() for n, p in self.parameters.items()}
        for name, layer in self.layers.items():
            state |= {f"{name}.{k}": v for k, v in layer.array.state_dict().items()}
        return state | {"generator/noise": self.noise.get_state()}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        for name, p in self.parameters.items():
            p.copy_(state[name])
        for name, layer in self.layers.items():
            prefix = f"{name}."
            layer.array.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        self.noise.set_state(state["generator/noise"].cpu())
