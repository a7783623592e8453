"""DAC, ADC, noise and their management, each against what its definition says, in all three forms of a read."""

from collections.abc import Iterator

import pytest
import torch
from reads import FORMS, Read, lines, rows
from torch import Tensor

from analogcli.crossbar import AnalogRead, Randomness
from analogcli.crossbar.kernels.threads import LARGE
from analogcli.spec import IO

QUIET = IO(out_noise=0)
NOISY = IO(inp_noise=0.02, w_noise=0.01)
forms = pytest.mark.parametrize("read", FORMS.values(), ids=FORMS)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def threads() -> Iterator[None]:
    """Whatever a test does to the number of threads ends with it."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@forms
def test_a_perfect_periphery_is_the_product(read: Read) -> None:
    w, x = normal(2, 4, 6), normal(2, 3, 6, seed=1)
    torch.testing.assert_close(read(w, x, IO(perfect=True)), x @ w.mT)


@forms
def test_outputs_are_whole_adc_steps_of_the_scaled_range(read: Read) -> None:
    w, x = 0.3 * normal(2, 4, 6), normal(2, 5, 6, seed=1)
    codes = read(w, x, IO()) / x.abs().amax(2, keepdim=True) / (24 / 510)
    torch.testing.assert_close(codes, codes.round(), atol=1e-3, rtol=0)
    assert float(codes.abs().max()) <= 255


@forms
def test_inputs_are_whole_dac_steps(read: Read) -> None:
    x = torch.linspace(-1, 1, 500)[None, :, None]
    y = read(torch.ones(1, 1, 1), x, IO(out_steps=0, out_noise=0, noise_management="none"))
    assert len(y.unique()) == 127
    torch.testing.assert_close(y, (x * 63).round() / 63)


@forms
def test_without_noise_management_inputs_beyond_the_dac_are_clipped(read: Read) -> None:
    y = read(torch.ones(1, 1, 1), torch.full((1, 1, 1), 3.0), IO(noise_management="none", out_noise=0))
    assert float(y) == pytest.approx(1.0, abs=0.03)


@forms
def test_with_noise_management_the_scale_of_the_input_does_not_matter(read: Read) -> None:
    w, x = normal(2, 4, 6), normal(2, 3, 6, seed=1)
    torch.testing.assert_close(read(w, 1024 * x, QUIET), 1024 * read(w, x, QUIET))


@forms
def test_zero_in_gives_zero_out_unless_the_inputs_are_noisy(read: Read) -> None:
    w, x = normal(2, 4, 6), torch.zeros(2, 3, 6)
    assert not read(w, x, IO()).any()
    assert read(w, x, IO(inp_noise=0.2)).any()


@forms
def test_input_noise_alone_that_clips_is_read_again_at_full_size(read: Read) -> None:
    y = read(torch.full((1, 1, 1), 40.0), torch.zeros(1, 4000, 1), IO(inp_noise=0.3, out_noise=0))
    # With one standard deviation at the bound a third clips, and each reduction enlarges the noise that it draws anew.
    assert float(y.std()) == pytest.approx(20, rel=0.1)


@forms
def test_bound_management_reaches_beyond_the_adc_and_redoes_only_what_clips(read: Read) -> None:
    w = torch.full((2, 2, 10), 3.0)
    x = torch.stack([torch.ones(10), 0.01 * torch.ones(10), torch.ones(10).index_fill(0, torch.arange(8), 0)])
    x = torch.stack([x, x.flip(0)])
    clipped, managed = read(w, x, IO(bound_management="none", out_noise=0)), read(w, x, QUIET)
    assert float(clipped[0, 0, 0]) == float(clipped[1, 2, 0]) == pytest.approx(12)
    torch.testing.assert_close(managed, x @ w.mT, rtol=0.02, atol=0.03)
    assert torch.equal(managed[0, 2], clipped[0, 2]) and torch.equal(managed[1, 0], clipped[1, 0])


@forms
def test_bound_management_gives_up_when_the_dac_gets_too_coarse(read: Read) -> None:
    """0.25/r_in = 15.75: the last reduction is 16."""
    assert float(read(torch.full((1, 1, 1), 1e4), torch.ones(1, 1, 1), QUIET)) == pytest.approx(12 * 16)


@forms
@pytest.mark.parametrize(
    ("io", "std"),
    [
        (IO(out_noise=0.2, out_steps=0), 0.2),
        (IO(inp_noise=0.1, out_noise=0, out_steps=0), 0.5),
        (IO(w_noise=0.04, out_noise=0, out_steps=0), 0.2),
        (
            IO(w_noise=0.04, inp_noise=0.1, out_noise=0.3, out_steps=0),
            (0.04**2 * 25 * 1.01 + 0.1**2 * 25 + 0.09) ** 0.5,
        ),
    ],
    ids=["output", "input", "weight", "all"],
)
def test_noise_has_its_standard_deviation_in_units_of_the_scaled_input(read: Read, io: IO, std: float) -> None:
    w = torch.ones(2, 1, 25)
    x = 2 * torch.ones(2, 10_000, 25) * torch.tensor([1, -1]).repeat(13)[:25]
    y = read(w, x, io)
    # 10,000 samples: relative standard error of a spread is 0.7 %; the two replicas are not the same noise.
    assert y.std(1).flatten().tolist() == pytest.approx([2 * std] * 2, rel=0.03)
    assert abs(float(torch.corrcoef(y[..., 0])[0, 1])) < 0.045


@forms
def test_noise_of_different_outputs_and_samples_is_independent(read: Read) -> None:
    y = read(torch.zeros(1, 6, 3), torch.ones(1, 5000, 3), IO(out_noise=1.0, out_steps=0))[0]
    successive = torch.cat([y[:-1], y[1:]], dim=1).T
    # 66 correlations with a standard error of 0.014.
    off_diagonal = torch.corrcoef(successive) - torch.eye(12)
    assert float(off_diagonal.abs().max()) < 4.5 / 5000**0.5


@forms
def test_the_same_seed_gives_the_same_noise_and_another_seed_another(read: Read) -> None:
    w, x, io = normal(2, 4, 6), normal(2, 3, 6, seed=1), IO(out_steps=0)
    assert torch.equal(read(w, x, io, seed=1), read(w, x, io, seed=1))
    assert not torch.equal(read(w, x, io, seed=1), read(w, x, io, seed=2))


# Whatever stands beside: other models, other samples of the block, other threads.


@pytest.mark.parametrize("size", [0.3, 5.0], ids=["within the ADC", "reduced"])
def test_a_model_alone_and_among_others_reads_the_same_bits(size: float) -> None:
    w, x = size * normal(3, 40, 70), normal(3, 50, 70, seed=1)
    randomness = Randomness([11, 12, 13])
    together = [AnalogRead(NOISY)(w, x, randomness) for _ in range(2)]
    for r, seed in enumerate([11, 12, 13]):
        own = Randomness([seed])
        for y in together:
            assert torch.equal(AnalogRead(NOISY)(w[r : r + 1], x[r : r + 1], own)[0], y[r])


@pytest.mark.parametrize("size", [0.3, 5.0], ids=["within the ADC", "reduced"])
def test_the_blocks_of_an_image_do_not_matter(size: float) -> None:
    w, x = size * normal(2, 40, 70), normal(2, 150, 70, seed=1)
    whole = lines(w, x, NOISY, block=150)
    for block in (64, 37):
        assert torch.equal(lines(w, x, NOISY, block=block), whole)


@pytest.mark.parametrize("size", [0.1, 1.0], ids=["within the ADC", "reduced"])
def test_a_read_shared_between_threads_is_the_read_of_one(size: float, threads: None) -> None:
    w, x = size * normal(2, 80, 100), normal(2, 1 + LARGE // 160, 100, seed=1)
    assert x.numel() > LARGE < x.shape[0] * x.shape[1] * 80
    found = []
    for n in (1, 2, 3):
        torch.set_num_threads(n)
        found.append(rows(w, x, NOISY))
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


@pytest.mark.cuda
@pytest.mark.parametrize("size", [0.1, 5.0])
def test_reads_on_cuda_are_those_of_the_cpu(size: float) -> None:
    w, x = size * normal(2, 40, 70), normal(2, 50, 70, seed=1)
    there = AnalogRead(QUIET)(w.cuda(), x.cuda(), Randomness([0, 1], "cuda")).cpu()
    assert float(((there - rows(w, x, QUIET)).abs() > 1e-4 * (1 + size)).float().mean()) < 1e-3
