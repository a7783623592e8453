"""Every device that AIHWKit has: populations with its moments, pulses with its law, presets with its numbers.

The same sampled devices on both sides; many repeats from the same weights, compared weight by weight in mean, spread
and whole distribution (:mod:`distributions`). Our random numbers are seeded, AIHWKit's cannot be.
"""

from typing import Any

import kit
import pytest
import torch
from distributions import LARGEST_Z, assert_equal_in_law, distance
from torch import Tensor

from analogcli.crossbar import LAWS, CrossbarArray, Population, Randomness, ResponseLaw, mean_field_update
from analogcli.registry import load
from analogcli.spec import Pulses, RunSpec, SoftBounds, Update

reason = kit.why_not()
pytestmark = [pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason)]

REPEATS = 1000
MANY = 250
"""Repeats of ten updates each."""
PRESETS = load().presets
PULSED = [case for case in kit.CASES if case != "ideal"]


def preset_class(preset: str) -> Any:
    """AIHWKit's own device of a preset."""
    from aihwkit.simulator.presets import devices

    return getattr(devices, f"{PRESETS[preset].aliases[0]}PresetDevice")


def preset_spec(preset: str) -> RunSpec:
    return load().spec("mnist-fcn", setting="analog-sgd", overrides={"device.kind": preset})


def pair(case: str) -> tuple[Any, ResponseLaw]:
    """An AIHWKit tile and our law: of a case of the kit, or of a preset with AIHWKit's own parameters."""
    if case in kit.CASES:
        return kit.pair(case)
    theirs = kit.tile(kit.SHAPE, preset_class(case)(construction_seed=5))
    return theirs, kit.law_on(theirs, preset_spec(case).device)


def batch(samples: int = 5) -> tuple[Tensor, Tensor]:
    """Inputs and gradients of both signs, with zeros and one sample of zeros."""
    g = torch.Generator().manual_seed(3)
    x, d = torch.randn(samples, kit.SHAPE[1], generator=g), torch.randn(samples, kit.SHAPE[0], generator=g)
    x[:, 0], d[2] = 0, 0
    return x, d


def test_ideal_devices_are_moved_by_exactly_the_same() -> None:
    tile, law = pair("ideal")
    (x, d), w = batch(), kit.start(law)
    torch.testing.assert_close(
        kit.after_updates(tile, w, x, d, 0.1, 1, 3), kit.ours_after(law, w, x, d, 0.1, 1, Pulses(), updates=3)
    )


@pytest.mark.parametrize("case", [*PULSED, *PRESETS])
def test_one_update_has_the_same_law(case: str) -> None:
    tile, law = pair(case)
    (x, d), w, lr = batch(), kit.start(law), 2 * law.granularity
    assert_equal_in_law(
        kit.after_updates(tile, w, x, d, lr, REPEATS), kit.ours_after(law, w, x, d, lr, REPEATS, Pulses())
    )


@pytest.mark.parametrize("case", [*PULSED, *PRESETS])
def test_hundreds_of_updates_have_the_same_law(case: str) -> None:
    tile, law = pair(case)
    (x, d), w, lr = batch(samples=20), kit.start(law), 2 * law.granularity
    # Ten mini-batches of twenty samples: two hundred samples one after the other, into the bounds for some weights.
    a, b = kit.after_updates(tile, w, x, d, lr, MANY, 10), kit.ours_after(law, w, x, d, lr, MANY, Pulses(), updates=10)
    # Of what nearly always ends at a bound there is nothing to compare but that it does.
    alive = torch.minimum(a.std(0), b.std(0)) > 0.1 * law.granularity
    assert_equal_in_law(a[:, alive], b[:, alive])
    torch.testing.assert_close(a.mean(0)[~alive], b.mean(0)[~alive], atol=0.1 * law.granularity, rtol=0)
    assert float((a.mean(0) - w).abs().max()) > min(10 * law.granularity, 0.1)
    assert int(alive.sum()) > 20


@pytest.mark.parametrize("case", PULSED)
def test_a_learning_rate_ten_percent_off_is_found(case: str) -> None:
    tile, law = pair(case)
    (x, d), w, lr = batch(samples=20), kit.start(law), 2 * law.granularity
    a, b = kit.after_updates(tile, w, x, d, lr, REPEATS), kit.ours_after(law, w, x, d, 1.1 * lr, REPEATS, Pulses())
    assert distance(a, b).z > LARGEST_Z


@pytest.mark.parametrize("case", [c for c in PULSED if "corrupt" not in c])
def test_the_mean_field_is_the_mean_of_many_updates_with_small_pulses(case: str) -> None:
    def disagreement(factor: float) -> float:
        ours = mean_field_update(w[None], law, x[None], d[None], factor * lr)[0]
        error = after.std(0) / REPEATS**0.5
        # The responses change within the batch: second order in the requested change, at most 4/τ and 6 for exp-step.
        second = 15 * (lr * d.abs().T @ x.abs() * law.population.scale_up_ROI[0].clamp_min(1)) ** 2
        return float(((after.mean(0) - ours).abs() / (LARGEST_Z * error + second + 1e-6)).max())

    tile, law = pair(case)
    g = torch.Generator().manual_seed(0)
    # No request exceeds one train; requests of opposite sign meet, so that |ΔW| is not the absolute value of ΔW.
    x, d = 2 * torch.rand(4, kit.SHAPE[1], generator=g) - 1, 2 * torch.rand(4, kit.SHAPE[0], generator=g) - 1
    w, lr = kit.start(law), 0.5 * law.granularity
    after = kit.after_updates(tile, w, x, d, lr, REPEATS)
    assert disagreement(1.0) < 1
    assert disagreement(2.0) > 1


# Populations: what is drawn, not what is done with it.

POPULATIONS: dict[str, dict[str, Any]] = {
    "normal": {"dw_min_dtod": 0.3, "w_max_dtod": 0.3, "w_min_dtod": 0.2, "up_down": 0.15, "up_down_dtod": 0.05},
    "log-normal": {"dw_min_dtod": 0.7, "dw_min_dtod_log_normal": True, "up_down": -0.1, "centre": 0.2},
    "corrupt": {"corrupt_devices_prob": 0.15, "corrupt_devices_range": 0.2, "w_max_dtod": 0.1, "w_min_dtod": 0.1},
}
LARGE = (400, 400)


def moments(p: Population) -> Tensor:
    """Means, spreads, the correlation of up and down scale, the share of devices that are stuck: 10 numbers."""
    parts = torch.stack([p.scale_up_ROI, p.scale_down_ROI, p.w_max_ROI, p.w_min_ROI]).flatten(1)
    correlation = torch.corrcoef(parts[:2])[0, 1]
    stuck = (p.w_max_ROI == p.w_min_ROI).float().mean()
    return torch.cat([parts.mean(1), parts.std(1), correlation[None], stuck[None]])


def drawn(spec: Any) -> Any:
    return LAWS[spec.kind].made_of.draw(spec, LARGE, torch.Generator().manual_seed(0))


def theirs_drawn(spec: Any) -> Any:
    from analogcli.backends.aihwkit.devices import pulsed_device

    return kit.tile(LARGE, pulsed_device(spec))


@pytest.mark.parametrize("name", POPULATIONS)
def test_populations_have_the_same_moments(name: str) -> None:
    spec = SoftBounds.model_validate({"dw_min": 0.01} | POPULATIONS[name])
    ours, theirs = drawn(spec), kit.population(theirs_drawn(spec), 0.01)
    # 160,000 devices a side: the standard error of a moment is at most 1.3·√(2/160,000) = 0.0046 (spread, log-normal).
    tolerance = 0.03 if name == "log-normal" else 0.006
    torch.testing.assert_close(moments(ours), moments(theirs), atol=tolerance, rtol=0)


def test_the_moments_reject_an_asymmetry_that_acts_on_the_other_side() -> None:
    spec = SoftBounds.model_validate({"dw_min": 0.01} | POPULATIONS["normal"])
    flipped = spec.model_copy(update={"up_down": -0.15})
    assert float((moments(drawn(flipped)) - moments(kit.population(theirs_drawn(spec), 0.01))).abs().max()) > 0.1


@pytest.mark.parametrize(
    ("kind", "fields", "names"),
    [
        ("linear-step", {"gamma_up": 0.1, "gamma_up_dtod": 0.1, "gamma_down": 0.7}, ("gamma_up", "gamma_down")),
        (
            "pow-step",
            {"pow_gamma": 2.0, "pow_gamma_dtod": 0.1, "pow_up_down": -0.2, "pow_up_down_dtod": 0.05},
            ("gamma_up", "gamma_down"),
        ),
        (
            "constant-step",
            {"lifetime": 50.0, "lifetime_dtod": 0.1, "reset": 0.1, "reset_dtod": 0.05},
            ("keep", "reset"),
        ),
    ],
)
def test_what_else_varies_has_the_same_mean_and_spread(kind: str, fields: dict[str, Any], names: tuple[str]) -> None:
    from pydantic import TypeAdapter

    from analogcli.spec import Device

    spec = TypeAdapter(Device).validate_python({"kind": kind, "dw_min_dtod": 0.0, "up_down_dtod": 0.0, **fields})
    ours, theirs = drawn(spec), kit.law_on(theirs_drawn(spec), spec).population
    for name in names:
        a, b = getattr(ours, f"{name}_ROI"), getattr(theirs, f"{name}_ROI")
        error = float(a.std()) * (2 / a.numel()) ** 0.5
        assert abs(float(a.mean() - b.mean())) < LARGEST_Z * error
        assert abs(float(a.std() - b.std())) < 2 * LARGEST_Z * error


def test_decay_is_aihwkits() -> None:
    from pydantic import TypeAdapter

    from analogcli.backends.aihwkit.devices import pulsed_device
    from analogcli.spec import Device

    given = {"kind": "constant-step", "lifetime": 10.0, "lifetime_dtod": 0.3, "reset": 0.1, "reset_dtod": 0.1}
    spec = TypeAdapter(Device).validate_python(given)
    tile = kit.tile(kit.SHAPE, pulsed_device(spec))
    array = CrossbarArray(kit.law_on(tile, spec))
    array.w_ROI.copy_(kit.start(array.law))
    tile.tile.set_weights(array.w_ROI[0].clone())
    for _ in range(3):
        array.decay(Randomness([0]))
        tile.tile.decay_weights(1.0)
    torch.testing.assert_close(array.w_ROI[0], tile.tile.get_weights(), atol=1e-6, rtol=1e-5)


# Presets: the numbers of AIHWKit's classes, field by field.


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_aihwkits_field_by_field(preset: str) -> None:
    from dataclasses import asdict

    from analogcli.backends.aihwkit.devices import pulsed_device

    ours, theirs = asdict(pulsed_device(preset_spec(preset).device)), asdict(preset_class(preset)())
    assert isinstance(preset_class(preset)(), type(pulsed_device(preset_spec(preset).device)))
    assert ours.pop("drift") == theirs.pop("drift")
    assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("preset", [name for name, entry in PRESETS.items() if entry.periphery])
@pytest.mark.parametrize("part", ["forward", "backward"])
def test_a_presets_periphery_is_aihwkits(preset: str, part: str) -> None:
    from dataclasses import asdict

    from aihwkit.simulator.presets import configs

    from analogcli.backends.aihwkit.parameters import io_parameters

    spec, config = preset_spec(preset), getattr(configs, f"{PRESETS[preset].aliases[0]}Preset")()
    assert spec.periphery is not None
    ours, theirs = asdict(io_parameters(getattr(spec.periphery, part))), asdict(getattr(config, part))
    if part == "backward":  # AIHWKit writes it down and does not apply it to the backward read.
        ours.pop("bound_management"), theirs.pop("bound_management")
    assert ours == theirs


@pytest.mark.parametrize("preset", PRESETS)
def test_a_presets_update_is_aihwkits(preset: str) -> None:
    from dataclasses import asdict

    from aihwkit.simulator.presets.utils import PresetUpdateParameters

    from analogcli.backends.aihwkit.parameters import update_parameters

    update = preset_spec(preset).update
    assert isinstance(update, Update)
    assert asdict(update_parameters(update)) == asdict(PresetUpdateParameters())
