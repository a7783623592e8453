"""The state of a model on AIHWKit's tiles: every hidden weight, buffer and counter, and back."""

from pathlib import Path
from typing import Any

import pytest
import torch
from aihwkit_kit import PERFECT, TT, batch, model, needs_aihwkit, tile_of
from safetensors.torch import load_file, save_file

from analogcli.errors import BackendError
from analogcli.spec import merge
from analogcli.spec.support import ALGORITHMS, devices

pytestmark = [pytest.mark.aihwkit, needs_aihwkit]


SOON = {"scale_transfer_lr": False, "transfer_lr": 1.0, "momentum": 0.3}
"""A buffer that fires within a few mini-batches and is never empty."""
THREE = [{"kind": "constant-step", "w_max": 0.3, "w_min": -0.6}, {"kind": "power", "gamma_res": 2.0}]
SETTINGS: dict[str, dict[str, Any]] = {
    "analog-sgd": {},
    "vector": {"update_policy": "single-sequential", "further_devices": THREE},
    "tt-v1": {"fast_lr": 0.5, "gamma": 0.2, "fast_device": THREE[1]},
    "tt-v2": {"gamma": 0.3, "n_reads_per_transfer": 3},
    "tt-v2-chopped": SOON,
    "c-ttv2": {"in_chop_prob": 0.5, "auto_scale": True, **SOON},
    "agad": {"in_chop_prob": 0.5, "auto_scale": True, **SOON},
    "mp": {},
    "hwa": {"clip": {"fixed_value": 1.0}},
    "rl-v1": {},
    "resl": {"warm_start": "off", "tiles": 3, "transfer_every_ratio": 2},
}
"""Every algorithm, set so that all that it remembers changes within a few mini-batches."""
DEVICES: dict[str, dict[str, Any]] = {
    "soft-bounds": {"kind": "soft-bounds"},
    "power": {"kind": "power", "gamma_res": 0.5},
    "ideal": {"kind": "ideal"},
    "lifetime": {"kind": "linear-step", "lifetime": 50.0, "lifetime_dtod": 0.3},
}
FURTHER: dict[str, dict[str, Any]] = {
    "hidden fast array": {"algorithm": {**TT, "gamma": 0.0}},
    "scaled": {"algorithm": TT, "mapping": {"learn_out_scaling": True, "weight_scaling_omega": 0.3}},
    "split": {"algorithm": TT, "mapping": {"max_input_size": 5}},
}
CASES = FURTHER | {
    f"{kind}, {device}": {"algorithm": {"kind": kind, **settings}, "device": fields}
    for kind, settings in SETTINGS.items()
    for device, fields in DEVICES.items()
    if fields["kind"] in devices("aihwkit", kind)
}


def test_every_algorithm_is_here() -> None:
    assert set(SETTINGS) == set(ALGORITHMS["aihwkit"])


@pytest.mark.parametrize("parts", CASES.values(), ids=CASES.keys())
def test_state_goes_round_through_plain_tensors(parts: dict[str, Any], tmp_path: Path) -> None:
    parts = merge(parts, {"periphery": PERFECT})
    trained, (x, y) = model(**parts), batch()
    first = trained.state_dict()
    for _ in range(15):
        trained.train_step(x, y, lr=0.1)
    save_file(trained.state_dict(), tmp_path / "state.safetensors")
    resumed = model(seed=7, **parts)  # other devices and another past, so that nothing is right by accident
    resumed.train_step(x, y, lr=0.2)
    resumed.load_state_dict(load_file(tmp_path / "state.safetensors"))
    before, after = trained.state_dict(), resumed.state_dict()
    assert before.keys() == after.keys()
    # AIHWKit adds the devices of a vector cell up anew when they are set: the last bit of their sum may be another.
    in_a_sum = 5e-8 if parts["algorithm"]["kind"] == "vector" else 0.0

    def alike(name: str) -> bool:
        atol = in_a_sum if name.endswith(".tile.weights") else 0.0
        return torch.allclose(before[name].double(), after[name].double(), rtol=0, atol=atol)

    assert [name for name in before if not alike(name)] == []
    torch.testing.assert_close(resumed.outputs(x), trained.outputs(x), rtol=0, atol=50 * in_a_sum)
    learnt = [name for name in before if ".hidden.hidden_weights" in name or ".hidden.buffered" in name]
    assert [name for name in learnt if torch.equal(before[name], first[name])] == []
    resumed.train_step(x, y, lr=0.1)


WRITTEN = {"kind": "soft-bounds", "write_noise_std": 2.0}


@pytest.mark.parametrize("kind", ["analog-sgd", "mp"])
def test_of_devices_with_write_noise_the_states_come_back_and_the_noise_of_reads_is_new(kind: str) -> None:
    parts = {"algorithm": {"kind": kind}, "device": WRITTEN}
    trained, resumed, (x, y) = model(**parts), model(seed=7, **parts), batch()
    for _ in range(5):
        trained.train_step(x, y, lr=0.1)
    resumed.load_state_dict(trained.state_dict())
    before, after = trained.state_dict(), resumed.state_dict()
    differing = {name for name in before if not torch.equal(before[name], after[name])}
    assert differing == {name for name in before if name.endswith("tile.weights")}


def test_hidden_arrays_of_devices_with_write_noise_are_refused_with_the_way_out() -> None:
    trained = model(algorithm=TT, device=WRITTEN)
    with pytest.raises(BackendError, match=r"cannot read back several arrays .* with --again, on --backend native"):
        model(algorithm=TT, device=WRITTEN).load_state_dict(trained.state_dict())


def test_a_resumed_transfer_goes_on_with_the_next_column() -> None:
    """One column per step moves to the slow array, in order; a resumed model does not start again at column 0."""
    parts: dict[str, Any] = {"algorithm": {**TT, "fast_lr": 1.0, "gamma": 0.0, "transfer_read": {"perfect": True}}}
    trained, (x, y) = model(**parts), batch()
    for _ in range(4):
        trained.train_step(x, y, lr=0.5)
    resumed = model(**parts)
    resumed.load_state_dict(trained.state_dict())

    slow_before = resumed.weights()["1"]
    fast = tile_of(resumed).get_hidden_parameters()["hidden_weights_0"]
    assert fast.abs().amin(0).max() > 0.0  # every column has something to transfer
    resumed.train_step(x, y, lr=0.5)
    changed = (resumed.weights()["1"] != slow_before).any(0)
    assert changed.nonzero().flatten().tolist() == [4]


def test_a_state_of_another_model_is_refused() -> None:
    with pytest.raises(BackendError, match=r"does not fit this model.*resume with the AIHWKit version that wrote it"):
        model().load_state_dict(model(algorithm=TT).state_dict())
