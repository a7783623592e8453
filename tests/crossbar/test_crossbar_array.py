"""An array between updates: write noise on what reads see, reset of columns, decay once a mini-batch.

What is drawn for a model on the CPU follows its own seed, whatever models it lives beside.
"""

import pytest
import torch
from crossbar_helpers import EQUAL, law_of, within

from analogcli.crossbar import LAWS, CrossbarArray, Randomness, draw_devices
from analogcli.spec import SoftBounds, Update

SHAPE = (200, 60)
N = SHAPE[0] * SHAPE[1]
WRITTEN = [kind for kind in LAWS if kind not in ("ideal", "constant-step")]


def array_of(kind: str, **fields: object) -> CrossbarArray:
    """One large array with weights in the middle of each device's range."""
    made = CrossbarArray(law_of(kind, shape=SHAPE, replicas=1, **fields))
    made.set_weights((made.law.lower_ROI + made.law.upper_ROI) / 2, Randomness([0]))
    return made


@pytest.mark.parametrize("kind", LAWS)
def test_weights_that_are_written_are_held_or_clipped(kind: str) -> None:
    array = CrossbarArray(law_of(kind))
    w = within(array.law)
    array.set_weights(w, Randomness([0, 1]))
    assert torch.equal(array.w_ROI, w)
    array.set_weights(w + 9, Randomness([0, 1]))
    assert torch.equal(array.w_ROI, torch.minimum(w + 9, array.law.upper_ROI))


@pytest.mark.parametrize("kind", WRITTEN)
def test_reads_see_the_write_noise_and_pulses_do_not(kind: str) -> None:
    array = array_of(kind, write_noise_std=5.0, dw_min=0.01)
    noise = array.seen_ROI - array.w_ROI
    # 12,000 devices: relative standard error of a spread is 1/√24,000 = 0.65 %.
    assert float(noise.std()) == pytest.approx(0.05, rel=0.03)
    assert abs(float(noise.mean())) < 4.5 * 0.05 / N**0.5


@pytest.mark.parametrize("fidelity", ["sequential", "chunked", "mean-field"])
@pytest.mark.parametrize("pulse_type", ["stochastic-compressed", "mean-count"])
def test_a_pulsed_device_is_seen_anew_and_others_as_before(fidelity: str, pulse_type: str) -> None:
    array = array_of("soft-bounds", write_noise_std=5.0, dw_min=0.01, dw_min_std=0)
    w, seen = array.w_ROI.clone(), array.seen_ROI.clone()
    x, d = torch.ones(1, 1, SHAPE[1]), torch.zeros(1, 1, SHAPE[0])
    d[..., ::2] = 1
    array.pulse(x, d, 0.05, Update.model_validate({"fidelity": fidelity, "pulse_type": pulse_type}), Randomness([1]))
    moved = array.w_ROI != w
    assert torch.equal(moved.all(2)[0], d[0, 0] > 0) and torch.equal(moved.any(2), moved.all(2))
    assert torch.equal(array.seen_ROI[~moved], seen[~moved])
    noise = (array.seen_ROI - array.w_ROI)[moved]
    # 6,000 devices: relative standard error of a spread is 0.9 %.
    assert float(noise.std()) == pytest.approx(0.05, rel=0.045)
    assert abs(float(torch.corrcoef(torch.stack([noise, (seen - w)[moved]]))[0, 1])) < 4.5 / 6000**0.5


def among(seeds: list[int]) -> CrossbarArray:
    """Arrays of these seeds, through everything that draws random numbers on devices with all of it."""
    spec = SoftBounds(dw_min=0.01, write_noise_std=5.0, reset_std=0.02, lifetime=30.0)
    array = CrossbarArray(draw_devices(spec, (5, 7), [torch.Generator().manual_seed(s) for s in seeds]))
    randomness, g = Randomness(seeds), torch.Generator().manual_seed(0)
    array.set_weights(torch.randn(5, 7, generator=g).expand(len(seeds), -1, -1), randomness)
    for fidelity in ("mean-field", "sequential", "chunked"):
        x, d = (torch.randn(4, n, generator=g).expand(len(seeds), -1, -1) for n in (7, 5))
        array.pulse(x, d, 0.05, Update.model_validate({"fidelity": fidelity}), randomness)
        array.decay(randomness)
        array.reset(slice(2, 4), randomness)
    return array


def test_a_model_is_written_reset_and_decays_alone_as_among_others() -> None:
    together = among([11, 12, 13])
    for r, seed in enumerate([11, 12, 13]):
        alone = among([seed])
        assert torch.equal(alone.w_ROI[0], together.w_ROI[r]) and torch.equal(alone.seen_ROI[0], together.seen_ROI[r])
    assert not torch.equal(together.seen_ROI[0] - together.w_ROI[0], together.seen_ROI[1] - together.w_ROI[1])


def test_without_write_noise_reads_see_the_state_itself() -> None:
    array = array_of("soft-bounds")
    assert array.seen_ROI is array.w_ROI


@pytest.mark.parametrize("kind", [k for k in LAWS if k != "ideal"])
def test_reset_sets_whole_columns_to_the_reset_value_with_its_spreads(kind: str) -> None:
    fields = {"reset": 0.05, "reset_dtod": 0.02, "reset_std": 0.01}
    array = array_of(kind, **fields, **(EQUAL if kind != "ideal" else {}))
    before = array.w_ROI.clone()
    array.reset(slice(10, 60), Randomness([3]))
    assert torch.equal(array.w_ROI[..., :10], before[..., :10])
    after = array.w_ROI[..., 10:]
    # 10,000 devices, mean error 0.0224/100.
    assert float(after.mean()) == pytest.approx(0.05, abs=4.5 * 0.0224 / 100)
    assert float(after.std()) == pytest.approx((0.02**2 + 0.01**2) ** 0.5, rel=0.04)
    again = array_of(kind, **fields, **EQUAL)
    again.reset(slice(10, 60), Randomness([4]))
    # Devices keep their own reset value; only reset_std is drawn anew.
    assert float((again.w_ROI - array.w_ROI)[..., 10:].std()) == pytest.approx(0.01 * 2**0.5, rel=0.04)


def test_ideal_devices_are_reset_to_zero() -> None:
    array = array_of("ideal")
    array.w_ROI.fill_(0.3)
    array.reset(slice(0, 5), Randomness([3]))
    assert bool((array.w_ROI[..., :5] == 0).all() and (array.w_ROI[..., 5:] != 0).all())


def test_decay_takes_one_lifetime_off_the_distance_to_the_reset_value() -> None:
    array = array_of("constant-step", lifetime=20.0, reset=0.1, w_max_dtod=0, w_min_dtod=0)
    array.w_ROI.fill_(0.5)
    array.decay(Randomness([0]))
    torch.testing.assert_close(array.w_ROI, torch.full_like(array.w_ROI, 0.1 + 0.4 * 19 / 20))


def test_a_lifetime_of_less_than_a_mini_batch_leaves_the_reset_value() -> None:
    array = array_of("constant-step", lifetime=0.5, reset=0.1)
    array.decay(Randomness([0]))
    torch.testing.assert_close(array.w_ROI, torch.full_like(array.w_ROI, 0.1).clamp(max=array.law.upper_ROI))


def test_lifetimes_vary_and_devices_without_one_do_not_decay() -> None:
    keep = array_of("constant-step", lifetime=100.0, lifetime_dtod=0.3).law.population.keep_ROI
    assert keep is not None and float((1 / (1 - keep)).std()) == pytest.approx(30, rel=0.05)
    array = array_of("constant-step")
    before = array.w_ROI.clone()
    array.decay(Randomness([0]))
    assert torch.equal(array.w_ROI, before)


def test_a_state_is_continued() -> None:
    array, other = (array_of("soft-bounds", write_noise_std=5.0) for _ in range(2))
    array.set_weights(within(array.law), Randomness([7]))
    other.load_state_dict(array.state_dict())
    assert torch.equal(other.w_ROI, array.w_ROI) and torch.equal(other.seen_ROI, array.seen_ROI)


@pytest.mark.parametrize("kind", [kind for kind in LAWS if kind != "ideal"])
def test_saturation_is_1_at_the_bound_of_each_device_and_its_share_of_it_below(kind: str) -> None:
    array = CrossbarArray(law_of(kind))
    for bound_ROI in (array.law.upper_ROI, array.law.lower_ROI):
        array.set_weights(bound_ROI, Randomness([0, 1]))
        assert torch.allclose(array.saturation(), torch.ones(()), atol=1e-6)
        array.set_weights(bound_ROI / 4, Randomness([0, 1]))
        assert torch.allclose(array.saturation(), torch.tensor(0.25), atol=1e-6)
