"""Pulsed updates: compiled loops and plain tensors have one law, chunks stay within their bound, parts stay parts."""

import pytest
import torch
from distributions import LARGEST_Z, assert_equal_in_law, distance
from pydantic import TypeAdapter
from torch import Tensor

from analogcli.crossbar import LAWS, CrossbarArray, Randomness, ResponseLaw, draw_devices
from analogcli.crossbar.coincidence import pulsed_update
from analogcli.spec import Device, Pulses, Update

SHAPE = (6, 8)
REPEATS = 1200
DW_MIN, TAU = 0.01, 0.6
PULSED = [kind for kind in LAWS if kind not in ("ideal", "custom")]
TRAINS = {
    "managed": {},
    "short": {"desired_bl": 3},
    "update management only": {"desired_bl": 5, "update_bl_management": False},
    "unmanaged": {"update_management": False, "update_bl_management": False},
    "long": {"desired_bl": 70, "update_management": False, "update_bl_management": False},
}  # fmt: skip
SEQUENTIAL, CHUNKED = Update(fidelity="sequential"), Update(fidelity="chunked", max_load=0.3)


def copies(kind: str, n: int = REPEATS, **fields: object) -> ResponseLaw:
    """The same devices ``n`` times."""
    pulsed = {} if kind == "ideal" else {"tau": TAU, "dw_min": DW_MIN}
    spec = TypeAdapter(Device).validate_python({"kind": kind, **pulsed, **fields})
    return draw_devices(spec, SHAPE, [torch.Generator().manual_seed(0) for _ in range(n)])


def batch(seed: int, samples: int = 5, n: int = REPEATS) -> tuple[Tensor, Tensor]:
    """Inputs and gradients of both signs, with zeros and one sample of zeros, for every copy."""
    g = torch.Generator().manual_seed(seed)
    x, d = torch.randn(samples, SHAPE[1], generator=g), torch.randn(samples, SHAPE[0], generator=g)
    x[:, 0], d[2:3] = 0, 0
    return x.expand(n, -1, -1), d.expand(n, -1, -1)


def start(law: ResponseLaw) -> Tensor:
    u = torch.rand(SHAPE, generator=torch.Generator().manual_seed(7))
    return law.lower_ROI + (0.1 + 0.8 * u) * (law.upper_ROI - law.lower_ROI)


def compiled(law: ResponseLaw, x: Tensor, d: Tensor, lr: float, pulses: Pulses, updates: int = 1) -> Tensor:
    array, randomness = CrossbarArray(law), Randomness(range(len(law.lower_ROI)))
    array.w_ROI.copy_(start(law))
    for _ in range(updates):
        array.pulse(x, d, lr, pulses, randomness)
    return array.w_ROI


def plain(law: ResponseLaw, x: Tensor, d: Tensor, lr: float, pulses: Update) -> Tensor:
    most = pulses.max_load * TAU / law.spec.dw_min if pulses.fidelity == "chunked" else 0.0
    return pulsed_update(start(law), law, x, d, lr, pulses, most, Randomness([1]))


@pytest.mark.parametrize("kind", PULSED)
@pytest.mark.parametrize("pulses", [SEQUENTIAL, CHUNKED], ids=["sequential", "chunked"])
def test_compiled_loops_and_plain_tensors_have_the_same_law(kind: str, pulses: Update) -> None:
    law = copies(kind)
    x, d = batch(3)
    assert_equal_in_law(compiled(law, x, d, 0.02, pulses), plain(law, x, d, 0.02, pulses))


@pytest.mark.parametrize("kind", ["soft-bounds", "power"])
@pytest.mark.parametrize("samples", [5, 70])
def test_samples_side_by_side_in_memory_have_the_law_of_samples_one_after_the_other(kind: str, samples: int) -> None:
    """Convolutions hand over patches like this; 70 samples are two groups of 32 and a part of one."""
    law = copies(kind)
    x, d = batch(3, samples)
    pulses = Update(fidelity="chunked", max_load=0.1)
    in_lines = x.mT.contiguous().mT
    assert_equal_in_law(compiled(law, in_lines, d, 0.1 / samples, pulses), compiled(law, x, d, 0.1 / samples, pulses))


@pytest.mark.parametrize("train", TRAINS)
def test_compiled_trains_have_the_law_of_the_plain_ones(train: str) -> None:
    law, pulses = copies("soft-bounds"), Update(fidelity="sequential", **TRAINS[train])  # type: ignore[arg-type]
    x, d = batch(4)
    assert_equal_in_law(compiled(law, x, d, 0.02, pulses), plain(law, x, d, 0.02, pulses))


def test_a_cycle_noise_of_36_percent_instead_of_30_is_found() -> None:
    x, d = torch.ones(REPEATS, 1, SHAPE[1]), torch.ones(REPEATS, 1, SHAPE[0])
    law, louder = copies("soft-bounds"), copies("soft-bounds", dw_min_std=0.36)
    found = distance(compiled(law, x, d, 0.1, SEQUENTIAL), plain(louder, x, d, 0.1, SEQUENTIAL))
    assert found.spread_z > LARGEST_Z


@pytest.mark.parametrize("kind", ["soft-bounds", "linear-step"])
@pytest.mark.parametrize("n_pulses", [1, 2, 4])
@pytest.mark.parametrize("mult_noise", [False, True])
def test_few_states_have_the_cycle_noise_of_one_pulse_after_the_other(
    kind: str, n_pulses: int, mult_noise: bool
) -> None:
    """Devices of 20 states, whose pulses are a tenth of the way: the closed form of a row knows how noise decays."""
    law = copies(kind, dw_min=0.06, mult_noise=mult_noise)
    x, d = torch.ones(REPEATS, 1, SHAPE[1]), torch.ones(REPEATS, 1, SHAPE[0])
    lr = 0.06 * n_pulses
    assert_equal_in_law(compiled(law, x, d, lr, SEQUENTIAL), plain(law, x, d, lr, SEQUENTIAL))


@pytest.mark.parametrize("layout", ["rows", "lines", "plain tensors"])
def test_chunks_bound_a_load_that_comes_with_a_few_samples(layout: str) -> None:
    """64 of 2,048 samples ask for all: 32 of them downwards, then 32 upwards, twice the dynamic range together."""
    law = copies("soft-bounds", 20, dw_min=0.001, dw_min_std=0)
    x, d = torch.ones(20, 2048, SHAPE[1]), torch.zeros(20, 2048, SHAPE[0])
    d[:, -64:-32], d[:, -32:] = -2 * TAU / 64, 2 * TAU / 64
    x = x.mT.contiguous().mT if layout == "lines" else x
    update = plain if layout == "plain tensors" else compiled
    one_by_one = compiled(law, x.contiguous(), d, 1.0, SEQUENTIAL)
    together = update(law, x, d, 1.0, Update(fidelity="chunked", max_load=0.1))
    assert (together.mean(0) - one_by_one.mean(0)).abs().max() < 0.2 * TAU


@pytest.mark.parametrize("kind", PULSED)
@pytest.mark.parametrize("load", [0.05, 0.2])
def test_chunks_move_weights_by_at_most_the_stated_fraction_of_their_way(kind: str, load: float) -> None:
    law = copies(kind)
    x, d = batch(5, samples=40)
    lr = 0.01
    one_by_one = compiled(law, x, d, lr, SEQUENTIAL)
    together = compiled(law, x, d, lr, Update(fidelity="chunked", max_load=load))
    way = lr * (d[0].abs().T @ x[0].abs()) * torch.maximum(law.q_plus(start(law)), law.q_minus(start(law)))[0]
    error = ((one_by_one.var(0) + together.var(0)) / REPEATS).sqrt()
    assert bool(((one_by_one.mean(0) - together.mean(0)).abs() <= load * way + LARGEST_Z * error).all())
    assert not torch.equal(one_by_one, together)


def test_one_sample_is_one_chunk() -> None:
    law = copies("soft-bounds", 3)
    x, d = batch(6, samples=1, n=3)
    assert torch.equal(compiled(law, x, d, 0.05, SEQUENTIAL), compiled(law, x, d, 0.05, CHUNKED))


@pytest.mark.parametrize("kind", ["soft-bounds", "power", "exp-step"])
@pytest.mark.parametrize("fidelity", ["sequential", "chunked", "mean-field"])
def test_a_part_of_the_array_gets_pulses_and_the_rest_none(kind: str, fidelity: str) -> None:
    law = copies(kind, 300)
    x, d = batch(7, n=300)
    pulses = Update.model_validate({"fidelity": fidelity})
    part, whole = CrossbarArray(law), CrossbarArray(law)
    for array in (part, whole):
        array.w_ROI.copy_(start(law))
    rows, columns = slice(2, 5), slice(3, 7)
    part.pulse(x[:, :, columns], d[:, :, rows], 0.02, pulses, Randomness(range(300)), rows=rows, columns=columns)
    x, d = x.clone(), d.clone()
    x[:, :, :3], x[:, :, 7:], d[:, :, :2], d[:, :, 5:] = 0, 0, 0, 0
    whole.pulse(x, d, 0.02, pulses, Randomness(range(300, 600)))
    if fidelity == "mean-field":
        torch.testing.assert_close(part.w_ROI, whole.w_ROI)
    else:
        assert_equal_in_law(part.w_ROI, whole.w_ROI)
    changed = (part.w_ROI != start(law)).any(0)
    assert bool(changed[rows, columns].any()) and int(changed.sum()) == int(changed[rows, columns].sum())


def test_a_negative_learning_rate_is_the_opposite_gradient() -> None:
    law = copies("soft-bounds", 4)
    x, d = batch(8, n=4)
    assert torch.equal(compiled(law, x, -d, -0.02, SEQUENTIAL), compiled(law, x, d, 0.02, SEQUENTIAL))
    assert torch.equal(compiled(law, x, d, 0.0, SEQUENTIAL), start(law))


@pytest.mark.parametrize("layout", ["rows", "lines", "some of the lines"])
def test_a_model_alone_and_among_others_gets_the_same_bits(layout: str) -> None:
    x, d = (v.contiguous() for v in batch(9, samples=40, n=3))
    if layout == "lines":
        x = x.mT.contiguous().mT
    if layout == "some of the lines":  # As a convolution's patches are that go to several tiles.
        x = torch.nn.functional.pad(x, (2, 3)).mT.contiguous().mT[:, :, 2:-3]
    seeds = [11, 12, 13]
    array, randomness = CrossbarArray(copies("soft-bounds", 3)), Randomness(seeds)
    for _ in range(3):
        array.pulse(x, d, 0.02, CHUNKED, randomness)
    for r, seed in enumerate(seeds):
        alone, own = CrossbarArray(copies("soft-bounds", 1)), Randomness([seed])
        for _ in range(3):
            alone.pulse(x[r : r + 1], d[r : r + 1], 0.02, CHUNKED, own)
        assert torch.equal(alone.w_ROI[0], array.w_ROI[r])


@pytest.mark.parametrize("pulse_type", ["mean-count", "deterministic"])
def test_trains_that_are_not_drawn_give_the_rounded_mean(pulse_type: str) -> None:
    law = copies("constant-step", 1, dw_min_std=0, dw_min_dtod=0, up_down_dtod=0, dw_min=1e-4)
    array = CrossbarArray(law)
    x, d = torch.rand(1, 1, SHAPE[1]), torch.rand(1, 1, SHAPE[0])
    array.pulse(x, d, 2e-3, Update.model_validate({"pulse_type": pulse_type}), Randomness([0]))
    # Counts are rounded once or twice, each time by at most half a pulse of one line's train.
    torch.testing.assert_close(array.w_ROI, -2e-3 * d.mT @ x, atol=1.1e-4, rtol=0.03)


def test_an_ideal_device_takes_exactly_what_is_asked_for() -> None:
    law = copies("ideal", 2)
    x, d = batch(10, n=2)
    array = CrossbarArray(law)
    array.pulse(x, d, 0.3, SEQUENTIAL, Randomness([0, 1]))
    torch.testing.assert_close(array.w_ROI, -0.3 * d.mT @ x)
