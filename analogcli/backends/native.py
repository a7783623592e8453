"""The native engine: analog layers of :mod:`analogcli.nn`, any device law, every random number seeded.

::

    forward and backward reads through the periphery ─► x and d of every layer
    algorithm on every tile (weights)                 ─► W
    plain SGD with the same learning rate             ─► bias, out scale, normalisations
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from analogcli.backends.base import OnTorch
from analogcli.backends.gradient_noise import GradientNoise
from analogcli.backends.network import NetworkOfModels, State
from analogcli.backends.rates import factors
from analogcli.backends.start import build_networks
from analogcli.crossbar.custom import parameters
from analogcli.crossbar.periphery import MAX_BM_FACTOR, MAX_BM_RES
from analogcli.nn import AnalogLinear, Chip, analog_layers, convert_to_analog
from analogcli.nn.models import ImageShape, learns, on_arrays
from analogcli.spec import CustomStep, PcmInference, RunSpec, Task, TorchvisionModel
from analogcli.spec.support import BackendName


class NativeBackend(OnTorch):
    """Simulated arrays in PyTorch, on any torch device."""

    name: BackendName = "native"

    def build(self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], device: torch.device) -> "NativeModel":
        """Return the untrained models with these seeds on ``device``."""
        assert spec.device and spec.periphery and spec.mapping and spec.update
        chip = Chip(spec.device, spec.algorithm, spec.update, spec.periphery, spec.mapping, tuple(seeds), device)
        return NativeModel(build_networks(spec.task, shape, seeds), chip, spec.task)

    def for_inference(
        self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], states: list[State], device: torch.device
    ) -> "NativeModel":
        """Return the models with these seeds and states, whatever their arrays are, with the reads of their training.

        Their random numbers are those of an inference, not those with which their training would go on.
        """
        models = self.build(spec, shape, seeds, device)
        models.load_state_dict(states)
        models.chip.noise.restart("inference")
        return models

    def resolved_config(self, spec: RunSpec) -> dict[str, Any]:
        """Return the constants of the engine, and the parameters of a user's device, that no field of the spec sets."""
        constants = {"max_bm_factor": MAX_BM_FACTOR, "max_bm_res": MAX_BM_RES, "digital_bias": True}
        own = {path: parameters(device) for path, device in spec.devices.items() if isinstance(device, CustomStep)}
        return constants | {f"{path}_parameters": values for path, values in own.items()}


class NativeModel(NetworkOfModels):
    """R models on arrays in training (:class:`~analogcli.backends.base.Trainable`)."""

    def __init__(self, networks: Sequence[torch.nn.Module], chip: Chip, task: Task) -> None:
        select = on_arrays(task.model, networks[0])
        super().__init__(convert_to_analog(networks, chip, select), chip.replicas, task)
        self.chip = chip
        self.layers = analog_layers(self.network)
        fixed = isinstance(task.model, TorchvisionModel) and task.model.train_mode == "fix-analog"
        self.learning = {} if fixed else self.layers
        self.freeze(learns(task.model, networks[0]))
        self.factors = factors(task, networks[0], self.network) or {}
        self.repeat = 0
        """Which programming of the weights is read."""
        self.noise = GradientNoise.of(task, chip.noise)

    def train_step(self, x_RBCHW: Tensor, y_RB: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch for each model; return the losses [R] before the update."""
        for layer in self.layers.values():
            layer.forget()
        loss_R = self.forward_backward(x_RBCHW, y_RB)
        if self.noise.sigma:
            for layer in self.layers.values():
                assert isinstance(layer, AnalogLinear), "a least-squares problem is one linear layer"
                layer.disturb(self.noise.draw(layer.array.shape))
            self.noise.add(self.parameters.values())
        for name, layer in self.learning.items():
            layer.learn(lr * float(self.factors.get(name, 1.0)))
        with torch.no_grad():
            learnt = [(n, p, p.grad) for n, p in self.parameters.items() if p.grad is not None]
            if self.factors:
                learnt = [(n, p, g * self.factors[n]) for n, p, g in learnt]
            if learnt:
                torch._foreach_sub_([p for _, p, _ in learnt], [g for _, _, g in learnt], alpha=lr)
        return loss_R

    def exact_outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [R, B, K] that the weights would give through perfect converters."""
        with ExitStack() as exact:
            for layer in self.layers.values():
                exact.enter_context(layer.array.exact_reads())
            return self.outputs(x_BCHW)

    def end_of_epoch(self, train_loss_R: Tensor) -> None:
        """Tell the arrays how training goes."""
        for layer in self.layers.values():
            layer.array.end_of_epoch(train_loss_R)

    def gradient_magnitude(self) -> list[float]:
        """Return the means of |∂L/∂W| over the entries of all weight matrices; 0 before the first mini-batch."""
        gradients = [layer.gradient().flatten(1) for layer in self.layers.values()]
        entries = sum(g_RN.shape[1] for g_RN in gradients)
        return [sum(float(g_RN[r].abs().sum()) for g_RN in gradients) / entries for r in range(self.replicas)]

    def weights(self) -> list[dict[str, Tensor]]:
        """Return a copy of the weights that the forward pass sees in inference, by layer, on the CPU."""
        self.network.eval()
        found = {name: layer.weights().to("cpu", copy=True) for name, layer in self.layers.items()}
        return [{name: weights[r] for name, weights in found.items()} for r in range(self.replicas)]

    def saturation(self) -> list[dict[str, Tensor]]:
        """Return for each model how far its devices are towards their bounds, by layer, on the CPU."""
        found = {name: layer.array.saturation().cpu().chunk(self.replicas) for name, layer in self.layers.items()}
        return [{name: of_models[r] for name, of_models in found.items()} for r in range(self.replicas)]

    def state_dict(self) -> list[State]:
        """Return digital parameters, tiles and the random stream of each model; devices follow from spec and seed."""
        states = super().state_dict()
        for state, noise in zip(states, self.chip.noise.of_models(), strict=True):
            state |= {f"noise/{name}": tensor for name, tensor in noise.items()}
        return states

    def load_state_dict(self, states: list[State]) -> None:
        """Continue from :meth:`state_dict`."""
        super().load_state_dict(states)
        self.chip.noise.load_state_dict({name: states[0][f"noise/{name}"] for name in self.chip.noise.state_dict()})

    def program(self, settings: PcmInference, repeat: int) -> None:
        """Write the trained weights onto new phase-change devices, which follow from seed and ``repeat``."""
        self.network.eval()
        self.repeat = repeat
        self.chip.noise.restart(f"inference/{repeat}")
        for layer in self.layers.values():
            layer.array.program(settings)

    def at_time(self, seconds: float) -> None:
        """Let what was programmed be ``seconds`` old; noise follows from seed, repeat and time, and nothing before."""
        self.chip.noise.restart(f"inference/{self.repeat}/{float(seconds)!r}")
        for layer in self.layers.values():
            layer.array.at_time(seconds)
