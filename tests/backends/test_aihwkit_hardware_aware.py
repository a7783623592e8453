"""Hardware-aware training on AIHWKit's inference tiles: the spec arrives, and training goes on from a checkpoint."""

import json
from typing import Any

import pytest
import torch
from aihwkit_kit import PERFECT, batch, model, needs_aihwkit, reason, spec

from analogcli.backends.aihwkit import AihwkitBackend

if not reason:
    from analogcli.backends.aihwkit.config import rpu_config

pytestmark = [pytest.mark.aihwkit, needs_aihwkit]


HWA: dict[str, Any] = {
    "algorithm": {
        "kind": "hwa",
        "modifier": {"std_dev": 0.1, "pdrop": 0.03},
        "clip": {"fixed_value": 1.0},
        "inference": {"g_max": 20.0, "t_0": 10.0, "read_noise_scale": 0.5, "drift_compensation": "none"},
    },
    "device": {"kind": "ideal"},
    "periphery": {"forward": {"out_steps": 0, "w_noise": 0.02}, "backward": {"perfect": True}},
}


def test_hardware_aware_fields_are_those_of_the_example() -> None:
    """The settings of AIHWKit's example 5, but for the noise model, whose every field differs from its default."""
    config = rpu_config(spec(**HWA))
    assert type(config).__name__ == "InferenceRPUConfig"
    assert (config.forward.out_res, config.forward.w_noise, config.forward.w_noise_type.value) == (
        0.0, 0.02, "AdditiveConstant",
    )  # fmt: skip
    assert (config.modifier.type.value, config.modifier.std_dev, config.modifier.pdrop) == ("AddNormal", 0.1, 0.03)
    assert config.modifier.rel_to_actual_wmax
    assert (config.clip.type.value, config.clip.fixed_value) == ("FixedValue", 1.0)
    model = config.noise_model
    assert (model.g_max, model.t_0, model.read_noise_scale, model.drift_scale) == (20.0, 10.0, 0.5, 1.0)
    assert config.drift_compensation is None
    assert config.backward.is_perfect
    recorded = AihwkitBackend().resolved_config(spec(**HWA))["rpu_config"]
    assert json.loads(json.dumps(recorded))["noise_model"]["g_converter"]["g_max"] == 20.0


def test_hardware_aware_training_goes_on_from_its_checkpoint_with_the_noise_of_the_next_mini_batch() -> None:
    perfect = {**HWA, "periphery": PERFECT}
    trained, again = model(**perfect), model(**perfect)
    x, y = batch()
    for _ in range(3):
        trained.train_step(x, y, 0.1)
    again.load_state_dict(trained.state_dict())
    # After that mini-batch AIHWKit's noise has no seed.
    assert torch.equal(trained.train_step(x, y, 0.1), again.train_step(x, y, 0.1))
    for name, weights in trained.weights().items():
        assert torch.equal(weights, again.weights()[name])
    assert trained.gradient_magnitude() == again.gradient_magnitude() > 0
