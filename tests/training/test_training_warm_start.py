"""A run of multi-tile residual learning that goes on from a checkpoint is where it would have been without a stop."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from analogcli import data
from analogcli.backends import Trainable, get
from analogcli.registry import load
from analogcli.training.events import EpochDone, Position, Watch
from analogcli.training.fit import fit

REGISTRY = load()
CPU = torch.device("cpu")
NOTHING = Watch(lambda *_: None, lambda: False, lambda: False)
TINY = {
    "task.dataset": "mnist5k",
    "task.batch_size": 1000,
    "task.epochs": 8,
    "task.model.channels": [2, 2],
    "task.model.hidden": 4,
    "algorithm.tiles": 3,
    "algorithm.transfer_every_ratio": 2,
}
SEEDS = (0, 1)


def epochs(rule: str, models: Trainable, position: Position) -> Iterator[EpochDone]:
    spec = REGISTRY.spec("mnist-lenet5", setting="resl", overrides=TINY | {"algorithm.warm_start": rule})
    for event in fit(models, data.load("mnist5k", None, CPU), spec.task, SEEDS, position, NOTHING):
        assert isinstance(event, EpochDone)
        yield event


def built(rule: str) -> Trainable:
    spec = REGISTRY.spec("mnist-lenet5", setting="resl", overrides=TINY | {"algorithm.warm_start": rule})
    return get(spec.backend).build(spec, data.size("mnist5k"), SEEDS, CPU)


def stages(states: list[dict[str, Tensor]]) -> list[set[int]]:
    """Return for each model the stages of all its layers."""
    return [{int(t.flatten()[0]) for name, t in state.items() if name.endswith("warm_start.stage")} for state in states]


@pytest.mark.parametrize("rule", ["paper", "code"])
@pytest.mark.parametrize("stop", [2, 5])
def test_the_stage_of_every_model_survives_a_stop(rule: str, stop: int) -> None:
    models, at_stop = built(rule), None
    for event in epochs(rule, models, Position.after(-1, len(SEEDS))):
        if event.position.epoch == stop:
            at_stop = event.position, [{k: t.clone() for k, t in state.items()} for state in models.state_dict()]
    assert at_stop is not None
    again = built(rule)
    again.load_state_dict(at_stop[1])
    assert stages(again.state_dict()) == stages(at_stop[1])
    list(epochs(rule, again, at_stop[0]))
    for ours, theirs in zip(again.state_dict(), models.state_dict(), strict=True):
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    # One loss decides for all layers of a model; and something has been decided.
    assert all(len(of_model) == 1 for of_model in stages(again.state_dict()))
    assert any(of_model != {0} for of_model in stages(again.state_dict()))
