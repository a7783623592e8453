"""One spec on both engines, a whole network: the same initial weights, and losses of one law while it trains.

Perfect reads and devices without spread, so that only pulses differ. Every repeat starts from the weights of one seed
and learns one mini-batch by heart; the losses of the last step are compared in the mean (z). The bound is 5, about 6 in
10 million for one comparison of equal laws.
"""

from typing import Any

import pytest
import torch
from kit import why_not
from torch import Tensor

from analogcli.backends import get
from analogcli.spec import RunSpec, build
from analogcli.spec.support import ALGORITHMS

reason = why_not()
pytestmark = [pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason)]

LR, STEPS, REPEATS = 0.3, 20, 40
LARGEST_Z = 5.0
PERFECT = {"perfect": True}
SAME = {"dw_min_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0, "dw_min": 0.01, "up_down": 0.1}
FAST = {"fast_lr": 0.3, "transfer_lr": 1.0, "scale_transfer_lr": False, "units_in_mbatch": False}
FAST |= {"transfer_read": PERFECT}
"""A column is transferred after every vector."""
SETTINGS: dict[str, dict[str, Any]] = {
    "analog-sgd": {},
    "vector": {"update_policy": "single-random", "further_devices": [{"kind": "constant-step", **SAME, "tau": 0.4}]},
    "tt-v1": FAST | {"fast_device": {"kind": "soft-bounds", **SAME, "tau": 0.3}},
    "tt-v2": FAST,
    "tt-v2-chopped": FAST,
    "c-ttv2": FAST,
    "agad": FAST | {"in_chop_prob": 0.5},
    "mp": {},
    "rl-v1": FAST,
    "resl": {"tiles": 3, "transfer_every": 1, "transfer_every_ratio": 2, "warm_start": "off", **FAST},
}


class Shape:
    """Images of 16 pixels, four classes."""

    channels, height, width, n_outputs = 1, 4, 4, 4


def spec(kind: str, backend: str, **changed: Any) -> RunSpec:
    task = {"dataset": "none", "model": {"kind": "fcn", "hidden": [8]}, "batch_size": 5, "epochs": 1, "lr": LR}
    return build(
        {
            "task": task,
            "algorithm": {"kind": kind, **SETTINGS[kind], **changed},
            "device": {"kind": "soft-bounds", **SAME},
            "periphery": {"forward": PERFECT, "backward": PERFECT},
            "update": {"fidelity": "sequential"},
            "mapping": {},
            "backend": backend,
        }
    )


def mini_batch() -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(5)
    return torch.randn(1, 5, 1, 4, 4, generator=g), torch.randint(4, (1, 5), generator=g)


def losses(of: RunSpec) -> Tensor:
    """Return the losses [repeat, step] of models with the weights of seed 3 and pulses of their own."""
    found = torch.empty(REPEATS, STEPS)
    for repeat in range(REPEATS):
        (model,) = [get(of.backend).build(of, Shape(), [3], torch.device("cpu"))]
        (state,) = model.state_dict()
        if "noise/count" in state:  # Ours is seeded: its pulses differ where they stand in the stream.
            model.load_state_dict([state | {"noise/count": state["noise/count"] + 100_000 * repeat}])
        found[repeat] = torch.stack([model.train_step(x, y, LR)[0] for x, y in [mini_batch()] * STEPS])
    return found


def z(a: Tensor, b: Tensor) -> float:
    return float((a.mean() - b.mean()).abs() / ((a.var() + b.var()) / REPEATS).sqrt())


def test_every_algorithm_is_here() -> None:
    assert set(SETTINGS) == set(ALGORITHMS["aihwkit"]) - {"hwa"}


@pytest.mark.parametrize("kind", SETTINGS)
def test_the_same_spec_starts_and_learns_alike(kind: str) -> None:
    ours, theirs = (spec(kind, backend) for backend in ("native", "aihwkit"))
    first, second = (get(of.backend).build(of, Shape(), [3], torch.device("cpu")).weights()[0] for of in (ours, theirs))
    assert first.keys() == second.keys()
    for name, weights in first.items():
        torch.testing.assert_close(weights, second[name])
    a, b = losses(ours), losses(theirs)
    torch.testing.assert_close(a[:, 0], b[:, 0])
    assert len(a[:, -1].unique()) > REPEATS / 2  # Pulses have reached what is seen.
    assert z(a[:, -1], b[:, -1]) < LARGEST_Z


@pytest.mark.parametrize("kind", ["tt-v1", "agad"])
def test_another_rate_is_found(kind: str) -> None:
    a, b = losses(spec(kind, "native", fast_lr=0.45)), losses(spec(kind, "aihwkit"))
    assert z(a[:, -1], b[:, -1]) > LARGEST_Z
