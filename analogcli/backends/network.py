"""R models in one torch network in training: what the engines that are made of torch modules have in common.

::

    loss_R = mean over a model's own mini-batch;  the sum over R is differentiated, and no model sees another's part

Axes: R replica (model), B batch, N = R·B, C channel, H, W image, K outputs.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import Module

from analogcli.nn.chain import Chain
from analogcli.nn.convert import Select
from analogcli.nn.loss import training_loss
from analogcli.nn.replicas import replica, together
from analogcli.spec import ClassificationTask, Task

State = dict[str, Tensor]

EXTRA = "_extra_state"
"""How torch names what a module's get_extra_state returns."""


class NetworkOfModels:
    """A network that maps the images [R·B, …] of R models to outputs [R·B, K], and the loss that they are to lower."""

    def __init__(self, network: Module, replicas: int, task: Task) -> None:
        self.network = network
        self.replicas = replicas
        self.parameters = dict(network.named_parameters())
        self._loss = training_loss(task)
        self._halved = isinstance(task, ClassificationTask) and task.precision == "bfloat16"
        plain = isinstance(task, ClassificationTask) and not task.label_smoothing and not self._halved
        self._chain = Chain.of(network, replicas) if plain else None

    def forward_backward(self, x_RBCHW: Tensor, y_RB: Tensor) -> Tensor:
        """Return the losses [R]; afterwards all parameters have the gradients of these mini-batches."""
        for p in self.parameters.values():
            p.grad = None
        # Walking through all modules takes as long as a small layer.
        if not self.network.training:
            self.network.train()
        if self._chain is not None:
            return self._chain.forward_backward(x_RBCHW.flatten(0, 1), y_RB.flatten())
        # The way back is outside: it takes the precision of the way there.
        with self._precision(x_RBCHW):
            output_NK = self.network(x_RBCHW.flatten(0, 1)).float()
        if self.replicas == 1:
            # Every operation less is two less: the backward pass has one for each.
            loss = self._loss(output_NK, y_RB[0])
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach().view(1)
        loss_R = self._loss(output_NK, y_RB.flatten(0, 1), reduction="none").view(self.replicas, -1).mean(1)
        loss_R.sum().backward()  # type: ignore[no-untyped-call]
        return loss_R.detach()

    def freeze(self, learns: Select) -> None:
        """Keep the parameters of all layers that do not learn as they are."""
        for name, module in self.network.named_modules():
            for p in module.parameters(recurse=False):
                p.requires_grad_(learns(name, module))

    @torch.no_grad()
    def outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [R, B, K]."""
        if self.network.training:
            self.network.eval()
        x_NCHW = x_BCHW.repeat(self.replicas, 1, 1, 1) if self.replicas > 1 else x_BCHW
        with self._precision(x_NCHW):
            output_NK: Tensor = self.network(x_NCHW).float()
        return output_NK.view(self.replicas, len(x_BCHW), -1)

    def _precision(self, x: Tensor) -> AbstractContextManager[object]:
        return torch.autocast(x.device.type, torch.bfloat16) if self._halved else nullcontext()

    def state_dict(self) -> list[State]:
        """Return for each model a copy of its parameters, running statistics and hidden states, flat."""
        state = dict(self._tensors())
        return [{n: replica(t, r, self.replicas).clone() for n, t in state.items()} for r in range(self.replicas)]

    @torch.no_grad()
    def load_state_dict(self, states: list[State]) -> None:
        """Continue from :meth:`state_dict`."""
        joined = {name: together([state[name] for state in states]) for name, _ in self._tensors()}
        nested = self.network.state_dict()
        for name, value in nested.items():
            prefix = name.removesuffix(EXTRA)
            nested[name] = joined[name] if isinstance(value, Tensor) else {k: joined[prefix + k] for k in value}
        self.network.load_state_dict(nested)

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, value in self.network.state_dict().items():
            if isinstance(value, Tensor):
                yield name, value
            else:  # what a layer keeps beside its parameters: the state of its tiles
                prefix = name.removesuffix(EXTRA)
                yield from ((prefix + key, tensor) for key, tensor in value.items())
