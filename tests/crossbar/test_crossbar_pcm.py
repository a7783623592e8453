"""Phase-change memory: the published noise, AIHWKit's law, drift that a factor on the output undoes, seeds.

The comparisons with AIHWKit are of 20,000 devices at each of seven conductances, number by number; both sides are
seeded. The bounds are passed by equal laws in all but 1 of 300 comparisons.
"""

from collections.abc import Callable

import pytest
import torch
from distributions import assert_equal_in_law
from torch import Tensor

from analogcli.algorithms import AnalogSgdCell
from analogcli.backends import get
from analogcli.crossbar import CrossbarArray, PcmPairs, Randomness, Tile, draw_devices, pcm
from analogcli.errors import BackendError
from analogcli.generators import stream
from analogcli.spec import Ideal, Mapping, PcmInference, Periphery, Update

try:
    get("aihwkit").check()
    reason = ""
except BackendError as exc:
    reason = str(exc)
against_aihwkit = pytest.mark.skipif(bool(reason), reason=reason or "AIHWKit works")

DEVICES = 20_000
TARGETS = torch.tensor([0.0, 0.05, 0.5, 2.5, 7.5, 15.0, 25.0])
"""Conductances [µS]; the largest is g_max, so that they are what they are programmed to."""
SETTINGS = {"plain": PcmInference(), "scaled": PcmInference(
    g_max=20.0, t_0=10.0, t_read=1e-6, prog_noise_scale=1.5, read_noise_scale=0.7, drift_scale=1.2,
)}  # fmt: skip


def targets(settings: PcmInference) -> Tensor:
    """Return conductances [1, N, E] up to g_max."""
    return (TARGETS * settings.g_max / 25.0).expand(1, DEVICES, -1).contiguous()


def theirs(settings: PcmInference) -> "object":
    from aihwkit.inference import PCMLikeNoiseModel

    torch.manual_seed(1)
    scales = settings.model_dump(exclude={"g_max", "drift_compensation"})
    return PCMLikeNoiseModel(g_max=settings.g_max, **scales)


def programming(settings: PcmInference) -> tuple[Tensor, Tensor]:
    ours = PcmPairs.program(targets(settings), settings, Randomness([3])).g_PROI[0, 0]
    return ours, theirs(settings).apply_programming_noise_to_conductance(targets(settings)[0])  # type: ignore[attr-defined]


def drift(settings: PcmInference) -> tuple[Tensor, Tensor]:
    ours = PcmPairs.program(targets(settings), settings, Randomness([3])).nu_PROI[0, 0]
    return ours, theirs(settings).generate_drift_coefficients(targets(settings)[0])  # type: ignore[attr-defined]


def reading_at(seconds: float) -> Callable[[PcmInference], tuple[Tensor, Tensor]]:
    def reading(settings: PcmInference) -> tuple[Tensor, Tensor]:
        g = targets(settings)
        nu = torch.full_like(g, 0.06)
        pairs = PcmPairs(settings, torch.stack([g, torch.zeros_like(g)]), torch.stack([nu, nu]), torch.ones(1, 1, 1))
        model = theirs(settings)
        return pairs.at(seconds, Randomness([3]))[0], model.apply_drift_noise_to_conductance(g[0], nu[0], seconds)  # type: ignore[attr-defined]

    return reading


LAWS = {"programming": programming, "drift": drift, "read at 0 s": reading_at(0.0), "read at 1e6 s": reading_at(1e6)}


@against_aihwkit
@pytest.mark.aihwkit
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("law", LAWS)
def test_devices_follow_aihwkits_law(law: str, settings: str) -> None:
    assert_equal_in_law(*LAWS[law](SETTINGS[settings]))


OFF: list[tuple[str, str, object]] = [
    ("programming", "PROGRAMMING", (1.1 * 0.26348, 1.9650, -1.1731)),
    ("programming", "PROGRAMMING", (0.26348, 1.1 * 1.9650, -1.1731)),
    ("programming", "PROGRAMMING", (0.26348, 1.9650, 1.1 * -1.1731)),
    ("drift", "DRIFT_MEAN", (1.1 * -0.0155, 0.0244)),
    ("drift", "DRIFT_MEAN", (-0.0155, 1.1 * 0.0244)),
    ("drift", "DRIFT_STD", (1.1 * -0.0125, -0.0059)),
    ("drift", "DRIFT_STD", (-0.0125, 1.1 * -0.0059)),
    ("read at 0 s", "READ", 1.1 * 0.0088),
    ("read at 1e6 s", "READ", 1.1 * 0.0088),
]


@against_aihwkit
@pytest.mark.aihwkit
@pytest.mark.parametrize(("law", "constant", "wrong"), OFF)
def test_a_coefficient_that_is_off_by_a_tenth_is_found(
    law: str, constant: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pcm, constant, wrong)
    with pytest.raises(AssertionError):
        assert_equal_in_law(*LAWS[law](PcmInference()))


@against_aihwkit
@pytest.mark.aihwkit
def test_whole_weights_are_programmed_as_aihwkits_and_drift_nearly_as_those() -> None:
    """Programmed weights have one law; drifted ones differ by the device of a pair that was meant to be at 0."""
    from aihwkit.inference import PCMLikeNoiseModel

    row = torch.tensor([1.0, 0.5, 0.1, 0.0, -0.02, -0.3, -0.8])
    w_ROI = row.expand(1, DEVICES, -1).contiguous()
    torch.manual_seed(1)
    model, settings = PCMLikeNoiseModel(g_max=25.0), PcmInference()
    their_w, nu = model.apply_programming_noise(w_ROI[0])
    pairs = PcmPairs.program(w_ROI, settings, Randomness([3]))
    assert_equal_in_law(pairs.programmed()[0], their_w)
    for seconds in (0.0, 1e5):
        ours, drifted = pairs.at(seconds, Randomness([4]))[0], model.apply_drift_noise(their_w, nu, seconds)
        torch.testing.assert_close(ours.mean(0), drifted.mean(0), atol=0.004, rtol=0)
        assert ((ours.std(0) / drifted.std(0)).log().abs() < 0.2).all(), ours.std(0) / drifted.std(0)


def test_the_numbers_are_those_of_the_fit() -> None:
    g = torch.tensor([25.0, 12.5, 0.0])
    assert pcm.programming_noise(g, PcmInference()).tolist() == pytest.approx([1.05538, 0.952705, 0.26348], rel=1e-5)
    mean, std = pcm.drift_coefficients(g, PcmInference())
    assert mean.tolist() == pytest.approx([0.049, 0.049, 0.1])
    assert std.tolist() == pytest.approx([0.008, 0.008, 0.045])
    # At 20 s after programming, ln((20 + 2.5e-7)/5e-7) = 17.5.
    assert pcm.read_noise(g, 0.0, PcmInference()).tolist() == pytest.approx([0.03681, 0.05777, 0.8367], rel=1e-3)


def test_without_noise_and_drift_the_weights_are_what_they_were() -> None:
    exact = PcmInference(prog_noise_scale=0, read_noise_scale=0, drift_scale=0)
    w_ROI = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(1))
    pairs = PcmPairs.program(w_ROI, exact, Randomness([1, 2]))
    torch.testing.assert_close(pairs.at(1e6, Randomness([1, 2])), w_ROI)


def test_an_array_without_weights_can_be_programmed() -> None:
    assert torch.isfinite(PcmPairs.program(torch.zeros(1, 3, 3), PcmInference(), Randomness([1])).programmed()).all()


def test_every_model_has_devices_of_its_own_whatever_stands_beside_it() -> None:
    w_ROI = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    together = PcmPairs.program(w_ROI, PcmInference(), Randomness([7, 8, 9])).at(1e3, Randomness([7, 8, 9]))
    for r, seed in enumerate((7, 8, 9)):
        alone = PcmPairs.program(w_ROI[r : r + 1], PcmInference(), Randomness([seed])).at(1e3, Randomness([seed]))
        assert torch.equal(together[r], alone[0])


def programmed(compensation: str, omega: float = 0.0) -> tuple[Tile, Randomness]:
    """Return a tile of two arrays with exact reads, programmed."""
    law = draw_devices(Ideal(), (20, 30), [stream(r, "devices") for r in (1, 2)], "cpu")
    periphery = Periphery(forward={"perfect": True}, backward={"perfect": True})
    tile = Tile(AnalogSgdCell(CrossbarArray(law), Update()), periphery, Mapping(weight_scaling_omega=omega))
    randomness = Randomness([1, 2])
    tile.set_weights(0.3 * torch.randn(2, 20, 30, generator=torch.Generator().manual_seed(1)), randomness)
    tile.program(PcmInference(drift_compensation=compensation), randomness)
    return tile, randomness


@pytest.mark.parametrize("omega", [0.0, 0.6])
def test_compensation_restores_the_mean_absolute_output_and_without_it_the_output_fades(omega: float) -> None:
    unit = torch.eye(30).expand(2, -1, -1)
    means = {}
    for compensation in ("global", "none"):
        tile, randomness = programmed(compensation, omega)
        before = tile.forward(unit, randomness).abs().mean((1, 2))
        tile.at_time(1e7, randomness)
        means[compensation] = tile.forward(unit, randomness).abs().mean((1, 2)) / before
    torch.testing.assert_close(means["global"], torch.ones(2))
    # (1e7/20)^-0.05 = 0.52 for large weights; small ones drift faster.
    assert ((means["none"] > 0.35) & (means["none"] < 0.6)).all()


def test_what_was_learnt_stays_and_can_be_programmed_again() -> None:
    tile, randomness = programmed("none")
    learnt, first = tile.weights(), tile.seen()
    tile.program(PcmInference(), randomness)
    assert torch.equal(tile.weights(), learnt)
    assert not torch.equal(tile.seen(), first)
    torch.testing.assert_close(tile.seen(), learnt, atol=0.2, rtol=0)
