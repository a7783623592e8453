"""One training step of each engine, on mini-batches that lie ready on the device.

Axes: P mini-batches that are used over and over, R replicas, B batch, C channel, H, W image.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from analogcli import backends, data
from analogcli.bench.cases import Contender
from analogcli.errors import BackendError
from analogcli.generators import stream
from analogcli.nn.models import build_model
from analogcli.spec import MlpModel, Model

N_BATCHES = 32
N_CLASSES = 10
SEED = 0

Step = Callable[[], object]


@dataclass(frozen=True)
class Images:
    """Mini-batches for R models, every one with its own images unless the task is not shuffled."""

    x_PRBCHW: Tensor
    y_PRB: Tensor
    n_outputs: int = N_CLASSES

    @property
    def channels(self) -> int:
        return self.x_PRBCHW.shape[3]

    @property
    def height(self) -> int:
        return self.x_PRBCHW.shape[4]

    @property
    def width(self) -> int:
        return self.x_PRBCHW.shape[5]


def images(contender: Contender, device: torch.device) -> Images:
    """Return the mini-batches of a contender; equal numbers of replicas get equal images."""
    task, replicas = contender.spec.task, contender.replicas
    several = replicas if task.shuffle else 1  # Models that go through the data set in one order see the same images.
    n, size = N_BATCHES * several, task.batch_size
    shape, generator = (N_BATCHES, several, size), stream(SEED, "order")
    if contender.network.images == "random":
        # Labels that cannot be learnt keep the gradients, and so the number of pulses, as large as at the start.
        x = torch.rand(n * size, 3, 32, 32, generator=generator)
        y = torch.randint(N_CLASSES, (n * size,), generator=generator)
    else:
        digits = data.load("mnist5k", None, torch.device("cpu"))
        x, y = data.train_batch(digits, torch.randint(len(digits.train_y_B), (n * size,), generator=generator))
    x_PRBCHW, y_PRB = x.view(*shape, *x.shape[1:]).to(device), y.view(shape).to(device)
    over = (-1, replicas, -1)
    return Images(x_PRBCHW.expand(*over, -1, -1, -1), y_PRB.expand(over))


def step_of(contender: Contender, model: Model | MlpModel, batches: Images, device: torch.device) -> Step:
    """Build ``model`` for a contender and return a function that trains it for one mini-batch.

    Raises:
        BackendError: the engine does not work on this machine.
    """
    spec = contender.spec.model_copy(update={"task": contender.spec.task.model_copy(update={"model": model})})
    lr = spec.task.lr
    pairs = cycle(list(zip(batches.x_PRBCHW, batches.y_PRB, strict=True)))
    if contender.engine == "pytorch":
        network = build_model(model, batches, SEED).to(device)
        optimizer = torch.optim.SGD(network.parameters(), lr)

        def plain() -> object:
            x_RBCHW, y_RB = next(pairs)
            optimizer.zero_grad()
            loss = nll_loss(network(x_RBCHW[0]), y_RB[0])
            loss.backward()  # type: ignore[no-untyped-call]
            return optimizer.step()

        return plain
    backend = backends.get(spec.backend)
    backend.check()
    reason = backend.reason_against(device)
    if reason:
        raise BackendError(reason)
    trainable = backend.build(spec, batches, range(SEED, SEED + contender.replicas), device)
    return lambda: trainable.train_step(*next(pairs), lr)
