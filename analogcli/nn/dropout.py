"""Dropout of R models, each with a stream of random numbers of its own: what torch takes from its global generator.

::

    y = x m / (1 − p),    m ~ Bernoulli(1 − p), one for each number, or for each channel (Dropout1d, 2d, 3d)

Masks are drawn on the CPU, as devices are, so that a seed means the same masks wherever a model is trained and whatever
it is trained beside; the state of the streams is part of the layer's state.

Axes: R replica, B sample, C channel.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Dropout, Dropout1d, Dropout2d, Dropout3d, Module
from torch.nn.modules.dropout import _DropoutNd

from analogcli.generators import stream

DROPOUT: tuple[type[Module], ...] = (Dropout, Dropout1d, Dropout2d, Dropout3d)


class ReplicaDropout(Module):
    """A dropout layer of torch for R models with these seeds: x [R·B, C, …] to y of the same shape."""

    def __init__(self, layer: Module, seeds: Sequence[int], name: str) -> None:
        super().__init__()
        assert isinstance(layer, _DropoutNd)
        self.p = layer.p
        self.by_channel = not isinstance(layer, Dropout)
        self.streams = [stream(seed, f"dropout/{name}") for seed in seeds]
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with a part of it 0 in training, unchanged in inference."""
        if not self.training or self.p == 0:
            return x
        shape = (len(x) // len(self.streams), *x.shape[1:])
        if self.by_channel:
            shape = (*shape[:2], *(1 for _ in shape[2:]))
        mask = torch.cat([torch.empty(shape).bernoulli_(1 - self.p, generator=g) for g in self.streams])
        return x * (mask / (1 - self.p) if self.p < 1 else mask).to(x)

    def get_extra_state(self) -> dict[str, Tensor]:
        """Return the state of the streams, the models behind one another."""
        return {"stream": torch.cat([g.get_state() for g in self.streams])}

    def set_extra_state(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`get_extra_state`."""
        for g, part in zip(self.streams, state["stream"].cpu().chunk(len(self.streams)), strict=True):
            g.set_state(part.clone())  # It reads from the beginning of the memory.

    def extra_repr(self) -> str:
        return f"p={self.p}, replicas={len(self.streams)}"
