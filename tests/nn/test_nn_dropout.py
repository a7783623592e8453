"""Dropout has torch's law, and every model its own seeded masks, wherever it is trained and whatever beside."""

from typing import Any

import pytest
import torch
from torch import nn

from analogcli.backends import get
from analogcli.nn import Chip, ReplicaDropout, convert_to_analog, replicate
from analogcli.spec import RunSpec, build

KINDS = {"elements": (nn.Dropout, (50, 8, 4)), "channels": (nn.Dropout2d, (50, 8, 4, 4))}
HARDWARE = {
    "digital": {"algorithm": {"kind": "fp-sgd"}},
    "native": {
        "algorithm": {"kind": "analog-sgd"},
        "device": {"kind": "soft-bounds"},
        "periphery": {},
        "update": {},
        "mapping": {},
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_so_many_are_dropped_and_the_rest_makes_up_for_it(kind: str) -> None:
    make, shape = KINDS[kind]
    layer = replicate([make(0.2)] * 2, (0, 1))
    x = torch.ones(2 * shape[0], *shape[1:])
    y = layer(x)
    assert set(y.unique().tolist()) == {0.0, 1.25}
    # Masks by channel are 800 draws: 6 standard deviations are 0.085, a false alarm in 10⁸ seeds.
    assert float((y == 0).float().mean()) == pytest.approx(0.2, abs=0.085)
    if kind == "channels":
        assert torch.equal(y, y[..., :1, :1].expand_as(y))
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.parametrize(("p", "value"), [(0.0, 1.0), (1.0, 0.0)])
def test_none_and_all(p: float, value: float) -> None:
    assert torch.equal(replicate([nn.Dropout(p)], [0])(torch.ones(4, 3)), torch.full((4, 3), value))


def test_a_model_has_the_masks_of_its_seed_whatever_it_is_trained_beside() -> None:
    x = torch.ones(4, 100)
    both, alone = replicate([nn.Dropout()] * 2, (3, 4)), replicate([nn.Dropout()], (4,))
    for _ in range(2):
        one, other = both(x.repeat(2, 1)).chunk(2)
        assert torch.equal(other, alone(x))
        assert not torch.equal(one, other)


def test_a_chip_seeds_them_too_and_torchs_global_generator_is_not_touched() -> None:
    network = nn.Sequential(nn.Linear(4, 100), nn.Dropout(), nn.Linear(100, 2), nn.Dropout()).eval()
    before = torch.get_rng_state()
    analog = convert_to_analog(network, Chip(seeds=(0,)))
    assert [type(m) for m in analog.children()][1::2] == [ReplicaDropout] * 2
    assert not any(m.training for m in analog.children() if isinstance(m, ReplicaDropout))
    analog.train()
    masks = [m(torch.ones(3, 100)) for m in analog.children() if isinstance(m, ReplicaDropout)]
    assert not torch.equal(*masks)
    assert torch.equal(torch.get_rng_state(), before)


class Colour:
    """Small colour images of four classes."""

    channels, height, width, n_outputs = 3, 32, 32, 4


def mobilenet(backend: str) -> RunSpec:
    model = {"kind": "torchvision", "name": "mobilenet_v3_small"}
    task = {"dataset": "cifar10", "model": model, "batch_size": 2, "epochs": 1, "lr": 0.1}
    return build({"task": task, "backend": backend} | HARDWARE[backend])


@pytest.mark.parametrize("backend", HARDWARE)
def test_mobilenets_repeat_and_continue_bit_for_bit(backend: str) -> None:
    def models(*seeds: int) -> Any:
        return get(backend).build(mobilenet(backend), Colour(), seeds, torch.device("cpu"))

    g = torch.Generator().manual_seed(0)
    batches = [(torch.randn(2, 2, 3, 32, 32, generator=g), torch.randint(0, 4, (2, 2), generator=g)) for _ in range(3)]
    whole, again, resumed = models(3, 4), models(3, 4), models(8, 9) if backend == "digital" else models(3, 4)
    losses = [whole.train_step(x, y, 0.1) for x, y in batches]
    first = [again.train_step(x, y, 0.1) for x, y in batches[:2]]
    resumed.load_state_dict(again.state_dict())
    assert torch.equal(torch.stack(losses), torch.stack([*first, resumed.train_step(*batches[2], 0.1)]))
    # The masks of the first steps count: without its state a layer begins with them again.
    assert any("stream" in name for name in again.state_dict()[0])
