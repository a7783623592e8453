"""Clock, cursor, buffers, choppers and automatic scale: exact, against their definitions."""

from typing import Any

import numpy as np
import pytest
import torch
from algorithms_kit import PERFECT, SHAPE, batch, build, start
from scipy.stats import kstest

from analogcli.algorithms import MultiTileResidualCell, TikiTakaCell
from analogcli.algorithms.auto_scale import automatic_rates, running_mean
from analogcli.algorithms.buffer import fire, threshold
from analogcli.algorithms.choppers import random_flips, uniform
from analogcli.algorithms.transfer import columns_from, period, read_columns, segments, skip_write, write_columns
from analogcli.crossbar import CrossbarArray, Randomness, draw_devices
from analogcli.crossbar.periphery import AnalogRead
from analogcli.spec import (
    Ideal,
    MixedPrecision,
    MultiTileResidual,
    Pulses,
    ResidualLearningV1,
    SoftBounds,
    TikiTakaV1,
    TransferRead,
    Update,
)


@pytest.mark.parametrize(
    ("every", "in_mini_batches", "vectors"),
    [(1, True, 8), (0.3, True, 3), (2, True, 16), (1, False, 1), (2.5, False, 3), (2.4, False, 2), (0.2, False, 0)],
)
def test_periods_in_mini_batches_are_rounded_up_and_in_vectors_to_the_nearest(
    every: float, in_mini_batches: bool, vectors: int
) -> None:
    assert period(every, in_mini_batches, 8) == vectors


@pytest.mark.parametrize("counted", [0, 1, 7, 12])
@pytest.mark.parametrize("size", [1, 5, 12])
@pytest.mark.parametrize("periods", [[1], [3], [0], [4, 6], [5, 0, 10]])
def test_segments_cut_a_mini_batch_where_counting_vector_by_vector_would(
    counted: int, size: int, periods: list[int]
) -> None:
    due = {}
    for b in range(1, size + 1):
        at_b = [i for i, every in enumerate(periods) if every and (counted + b) % every == 0]
        if at_b:
            due[b] = at_b
    parts = segments(counted, size, periods)
    assert {part.stop: numbers for part, numbers in parts if numbers} == due
    assert [b for part, _ in parts for b in range(part.start, part.stop)] == list(range(size))


@pytest.mark.parametrize("device", [Ideal(), SoftBounds(), SoftBounds(write_noise_std=1.0)], ids=["ideal", "", "noisy"])
@pytest.mark.parametrize("fidelity", ["sequential", "mean-field"])
@pytest.mark.parametrize("pulse_type", ["stochastic-compressed", "mean-count", "deterministic"])
@pytest.mark.parametrize("lr", [0.1, 0.0])
def test_a_skipped_write_takes_the_keys_of_a_write(device: Any, fidelity: str, pulse_type: str, lr: float) -> None:
    array = CrossbarArray(draw_devices(device, SHAPE, [torch.Generator()]))
    pulses = Pulses.model_validate({"fidelity": fidelity, "pulse_type": pulse_type})
    written, skipped = Randomness([1]), Randomness([1])
    write_columns(array, slice(1, 3), torch.ones(1, 2, SHAPE[0]), lr, pulses, written)
    skip_write(array, lr, pulses, skipped)
    assert np.array_equal(written.keys(1), skipped.keys(1))


def test_the_cursor_goes_round_and_takes_no_column_twice() -> None:
    assert columns_from(2, 2, 5) == [slice(2, 4)]
    assert columns_from(4, 3, 5) == [slice(4, 5), slice(0, 2)]
    assert columns_from(0, 9, 5) == [slice(0, 5)]
    assert columns_from(3, 9, 5) == [slice(3, 5), slice(0, 3)]


@pytest.mark.parametrize("read", [PERFECT, TransferRead(out_noise=0.0), TransferRead(inp_noise=1e-9, out_noise=0.0)])
def test_a_read_returns_the_columns_as_the_converters_see_them(read: TransferRead) -> None:
    cell, randomness = build(TikiTakaV1(), [1, 2]), Randomness([1, 2])
    array = cell.arrays[0]  # type: ignore[attr-defined]
    array.set_weights(start([1, 2]), randomness)
    seen_RJO = read_columns(array, slice(1, 4), AnalogRead(read), randomness)
    torch.testing.assert_close(
        seen_RJO, array.seen_ROI[..., 1:4].mT, atol=1e-6 if read.perfect else 12 / 510 + 1e-5, rtol=0
    )


def naive_chain(
    x_BI: torch.Tensor, d_BO: torch.Tensor, weights: list[torch.Tensor], cell: MultiTileResidualCell | TikiTakaCell
) -> None:
    """Tiles of ideal devices, vector by vector as the definition says; counters and cursors live in ``cell``."""
    spec = cell.algorithm
    chain = isinstance(spec, MultiTileResidual)
    periods = [int(p) for p in spec.periods] if chain else [int(spec.transfer_every)]
    rates = spec.transfer_lrs if chain else (spec.transfer_lr,)
    for x, d in zip(x_BI, d_BO, strict=True):
        weights[0] -= spec.fast_lr * torch.outer(d, x)
        naive_chain.count += 1
        for source, every in enumerate(periods):
            if naive_chain.count % every == 0:
                for _ in range(spec.n_reads_per_transfer):
                    j = naive_chain.cursors[source]
                    weights[source + 1][:, j] += rates[source] * weights[source][:, j]
                    naive_chain.cursors[source] = (j + 1) % SHAPE[1]


@pytest.mark.parametrize(
    "algorithm",
    [
        TikiTakaV1(
            gamma=0.4,
            fast_lr=0.1,
            transfer_lr=0.5,
            scale_transfer_lr=False,
            transfer_every=3,
            units_in_mbatch=False,
            n_reads_per_transfer=2,
            transfer_read=PERFECT,
        ),
        MultiTileResidual(
            tiles=3,
            gamma=0.5,
            fast_lr=0.1,
            transfer_lr=0.3,
            transfer_lr_ratio=1.2,
            transfer_every=2,
            transfer_every_ratio=2,
            units_in_mbatch=False,
            warm_start="off",
            transfer_read=PERFECT,
        ),
    ],
    ids=["tt-v1", "resl"],
)
def test_on_ideal_devices_a_chain_of_tiles_is_linear_algebra(algorithm: TikiTakaV1 | MultiTileResidual) -> None:
    cell, randomness = build(algorithm, device=Ideal()), Randomness([0])
    cell.set_weights(start([0]), randomness)
    assert isinstance(cell, MultiTileResidualCell | TikiTakaCell)
    weights = [torch.zeros(SHAPE) for _ in cell.arrays[:-1]] + [start([0])[0]]
    naive_chain.count, naive_chain.cursors = 0, [0] * len(weights)
    for step in range(6):
        x_RBI, d_RBO = batch([0], step, samples=5)
        cell.update(x_RBI, d_RBO, 0.1, randomness)
        naive_chain(x_RBI[0], d_RBO[0], weights, cell)
    for array, expected in zip(cell.arrays, weights, strict=True):
        torch.testing.assert_close(array.w_ROI[0], expected)
    visible = sum(gamma * w for gamma, w in zip(cell.gammas, weights, strict=True))
    torch.testing.assert_close(cell.visible()[0], visible)


def test_residual_learning_v1_is_tiki_taka_v1_with_gamma_bit_for_bit() -> None:
    options = {"gamma": 0.4, "fast_lr": 0.05, "transfer_lr": 1.0, "n_reads_per_transfer": 2}
    weights = []
    for algorithm in (ResidualLearningV1(**options), TikiTakaV1(**options)):
        cell, randomness = build(algorithm), Randomness([0])
        for step in range(20):
            cell.update(*batch([0], step), 0.5, randomness)
        weights.append(cell.visible())
    assert torch.equal(*weights)
    assert float(weights[0].abs().max()) > 0.05


def test_two_tiles_without_warm_start_are_tiki_taka_v1_bit_for_bit() -> None:
    common = {"fast_lr": 0.05, "transfer_every": 2.0}
    weights = []
    for algorithm in (
        MultiTileResidual(tiles=2, gamma=0.3, transfer_lr=0.5, warm_start="off", **common),
        TikiTakaV1(gamma=0.3, transfer_lr=0.5, scale_transfer_lr=False, **common),
    ):
        cell, randomness = build(algorithm), Randomness([0])
        for step in range(20):
            cell.update(*batch([0], step), 0.5, randomness)
        weights.append(cell.visible())
    assert torch.equal(*weights)


def test_a_buffer_lets_go_of_whole_pulses_and_keeps_the_rest() -> None:
    h = torch.tensor([[[0.9, -1.2, 2.7, -5.0]]])
    forgets, keeps, leaks = h.clone(), h.clone(), h.clone()
    assert fire(forgets, 1.0, 2, 0.0, forget=True).tolist() == [[[0, -1, 2, -2]]]
    torch.testing.assert_close(forgets, torch.tensor([[[0.9, 0, 0, 0]]]))
    fire(keeps, 1.0, 2, 0.0, forget=False)
    torch.testing.assert_close(keeps, torch.tensor([[[0.9, -0.2, 0.7, -3.0]]]))
    assert fire(leaks, 0.5, 1, 0.1, forget=True).tolist() == [[[1, -1, 1, -1]]]
    torch.testing.assert_close(leaks, torch.tensor([[[0.09, -0.12, 0.27, -0.5]]]))


def test_the_threshold_is_in_granularities_of_the_fast_array_and_falls_with_the_length_of_a_sweep() -> None:
    assert threshold(0.01, 2.0, 0.0, 392) == pytest.approx(0.02)
    assert threshold(0.01, 1.0, 1000, 392) == pytest.approx(0.01 * 1000 / 392)


def test_running_means_follow_the_recursion_and_leave_out_zeros() -> None:
    peaks_RB = torch.rand(3, 20, generator=torch.Generator().manual_seed(0))
    peaks_RB[:, 4], peaks_RB[1, :3], peaks_RB[2] = 0, 0, 0
    means_RB = running_mean(torch.tensor([0.7, 0.0, 0.0]), peaks_RB, 0.05)
    for r, mean in enumerate([0.7, 0.0, 0.0]):
        for b, peak in enumerate(peaks_RB[r].tolist()):
            if peak > 0:
                mean = 0.95 * mean + 0.05 * peak if mean > 0 else peak
                assert float(means_RB[r, b]) == pytest.approx(mean, rel=1e-5)
    assert bool((means_RB[2] == 0).all())


def test_the_automatic_rate_asks_for_the_full_train_at_the_mean_peaks_and_stays_finite_without_any() -> None:
    rate = automatic_rates(0.3, torch.tensor([[2.0, 0.0]]), torch.tensor([[0.5, 0.1]]))
    torch.testing.assert_close(rate, torch.tensor([[0.3, 0.3]]))


def test_flips_are_uniform_and_independent_between_models_and_reads() -> None:
    randomness = Randomness([1, 2])
    u_RN = np.stack([uniform(randomness.keys(2)) for _ in range(4000)], axis=1)
    # Fixed seeds; equal laws pass all three bounds in 99.9 % of cases.
    assert kstest(u_RN.reshape(-1), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(u_RN)[0, 1]) < 0.055
    assert abs(np.corrcoef(u_RN[0, :-1], u_RN[0, 1:])[0, 1]) < 0.055
    assert set(random_flips(2, 1.0, randomness).flatten().tolist()) == {-1.0}
    assert set(random_flips(2, 0.0, randomness).flatten().tolist()) == {1.0}


def test_mixed_precision_writes_what_it_takes_from_its_sum_one_vector_late() -> None:
    cell, randomness = build(MixedPrecision(granularity=0.01), device=Ideal()), Randomness([0])
    cell.set_weights(start([0]), randomness)
    asked, written = torch.zeros(SHAPE), []
    for step in range(5):
        x_RBI, d_RBO = batch([0], step)
        before = cell.visible().clone()
        cell.update(x_RBI, d_RBO, 0.05, randomness)
        written.append(before - cell.visible())
        if step:
            due = asked + 0.05 * torch.outer(d_RBO[0, 0], x_RBI[0, 0])
            n = torch.trunc(due / 0.01)
            torch.testing.assert_close(written[-1][0], 0.01 * n, atol=2e-6, rtol=0)
            asked -= 0.01 * n
        asked += 0.05 * d_RBO[0].T @ x_RBI[0]
    assert float(written[0].abs().max()) == 0
    torch.testing.assert_close(cell.chi_ROI[0], asked, atol=1e-5, rtol=0)  # type: ignore[attr-defined]


@pytest.mark.parametrize("fidelity", ["sequential", "mean-field"])
def test_a_transfer_follows_the_fidelity_of_the_gradient(fidelity: str) -> None:
    device = SoftBounds(dw_min=0.01, dw_min_std=0.0)
    cell = build(TikiTakaV1(transfer_read=PERFECT), device=device, update=Update(fidelity=fidelity))
    assert cell.write.fidelity == fidelity  # type: ignore[attr-defined]
