"""What networks see of images: every change as often as asked, by torchvision, and the same whenever it is drawn again.

Frequencies are of 4,000 images with a fixed seed; the tolerances are four standard deviations and more, so that a right
pipeline fails one of these tests with another seed in about 1 of 1,000 cases.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

from analogcli.data import DataSet, Pipeline
from analogcli.errors import SpecError
from analogcli.generators import stream
from analogcli.spec import Augment

N = 4_000


def images(n: int = 32, channels: int = 3, size: int = 16) -> Tensor:
    """Images of bytes [R = 1, B, C, H, W] without any symmetry and without black."""
    return torch.randint(1, 256, (1, n, channels, size, size), dtype=torch.uint8, generator=stream(0, "images"))


def same(n: int) -> Tensor:
    """One image, n times."""
    return images(1).expand(1, n, -1, -1, -1).contiguous()


def seen(x_RBCHW: Tensor, seeds: tuple[int, ...] = (0,), epoch: int = 1, step: int = 0, **fields: Any) -> Tensor:
    return Pipeline(Augment(**fields)).train(x_RBCHW, seeds, epoch, step)


RANDOM: dict[str, dict[str, Any]] = {
    "pad_crop": {"pad_crop": 2},
    "cutout": {"cutout": 1.0},
    "horizontal_flip": {"horizontal_flip": 0.5},
    "vertical_flip": {"vertical_flip": 0.5},
    "policy": {"policy": "cifar10"},
}
PAPERS = {
    "fine-tuning": {"horizontal_flip": 0.5, "vertical_flip": 0.5, "resize": 24, "normalise": "imagenet"},
    "multi-tile": {"pad_crop": 4, "cutout": 0.5, "horizontal_flip": 0.5, "policy": "cifar10", "normalise": "half"},
}


def test_every_field_is_tested() -> None:
    assert set(RANDOM) | {"resize", "normalise"} == set(Augment.model_fields)


def test_without_changes_images_are_their_bytes_in_the_unit_range() -> None:
    x = images()
    assert torch.equal(seen(x), x.float() / 255)
    assert torch.equal(Pipeline(Augment()).test(x[0]), x[0].float() / 255)


@pytest.mark.parametrize("fields", [*RANDOM.values(), *PAPERS.values()], ids=[*RANDOM, *PAPERS])
def test_what_is_seen_follows_from_seed_epoch_and_mini_batch_and_from_nothing_else(fields: dict[str, Any]) -> None:
    x = images()
    first = seen(x, **fields)
    torch.manual_seed(99)
    assert torch.equal(first, seen(x, **fields))
    for other in ({"seeds": (1,)}, {"epoch": 2}, {"step": 1}):
        assert not torch.equal(first, seen(x, **other, **fields))


@pytest.mark.parametrize("fields", PAPERS.values(), ids=PAPERS)
def test_a_model_sees_the_same_whatever_it_stands_beside(fields: dict[str, Any]) -> None:
    x = images()
    together = seen(x.expand(3, -1, -1, -1, -1), (7, 3, 5), **fields)
    assert torch.equal(together[1], seen(x, (3,), **fields)[0])
    assert not torch.equal(together[0], together[1])


def test_the_global_generator_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    seen(images(), **PAPERS["multi-tile"])
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("fields", [*RANDOM.values(), *PAPERS.values()], ids=[*RANDOM, *PAPERS])
def test_test_images_are_never_changed_at_random(fields: dict[str, Any]) -> None:
    pipeline = Pipeline(Augment(**fields))
    same_B = pipeline.test(same(5)[0])
    assert torch.equal(same_B, same_B[:1].expand_as(same_B))


@pytest.mark.parametrize(("field", "axis"), [("horizontal_flip", -1), ("vertical_flip", -2)])
@pytest.mark.parametrize("p", [0.5, 0.1])
def test_flips_come_as_often_as_asked(field: str, axis: int, p: float) -> None:
    x = same(N)
    flipped_B = (seen(x, **{field: p})[0] == x.flip(axis)[0] / 255).flatten(1).all(1)
    assert torch.equal(seen(x, **{field: p})[0][~flipped_B], x[0][~flipped_B] / 255)
    assert flipped_B.float().mean() == pytest.approx(p, abs=4 * (p * (1 - p) / N) ** 0.5)


def test_a_crop_is_anywhere_in_the_padded_image() -> None:
    padded = torch.nn.functional.pad(same(1)[0, 0], (2, 2, 2, 2)) / 255
    crops = [padded[:, i : i + 16, j : j + 16] for i in range(5) for j in range(5)]
    y_B = seen(same(N), pad_crop=2)[0]
    counts = torch.tensor([int((y_B == crop).flatten(1).all(1).sum()) for crop in crops])
    assert counts.sum() == N
    assert (counts - N / 25).abs().max() < 5 * (N / 25) ** 0.5


def test_a_cutout_is_one_shade_of_grey_on_the_stated_part_of_the_image() -> None:
    x = same(N)
    y = seen(x, cutout=0.5)[0]
    changed_BHW = (y != x[0] / 255).any(1)
    cut_B = changed_BHW.flatten(1).any(1)
    assert cut_B.float().mean() == pytest.approx(0.5, abs=4 * 0.5 / N**0.5)
    area_B = changed_BHW[cut_B].flatten(1).float().mean(1)
    # Sides are whole pixels, 16 of them: an area may round to some more or less.
    assert area_B.max() < 0.48 and area_B.mean() == pytest.approx(0.21, abs=0.02)
    for image, changed_HW in zip(y[cut_B][:50], changed_BHW[cut_B][:50], strict=True):
        assert len(image[:, changed_HW].unique()) == 1


def test_autoaugment_draws_another_policy_for_every_image() -> None:
    y = seen(same(200), policy="cifar10")[0]
    assert len(y.flatten(1).unique(dim=0)) > 60


def test_resizing_and_normalising_are_those_of_torchvision() -> None:
    from torchvision.transforms import v2

    x = images()[0]
    theirs = v2.Compose(
        [
            v2.Resize((24, 24)),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )(x)
    torch.testing.assert_close(Pipeline(Augment(resize=24, normalise="imagenet")).test(x), theirs)
    torch.testing.assert_close(Pipeline(Augment(normalise="half")).test(x), x / 127.5 - 1)


def test_a_network_is_built_for_what_it_sees() -> None:
    grey = images(2, channels=1)[0]
    labels = torch.zeros(2, dtype=torch.int64)
    dataset = DataSet("grey", grey, labels, grey, labels, 10, "")
    size = Pipeline(Augment(resize=24)).seen(dataset)
    assert (size.channels, size.height, size.width, size.n_outputs) == (1, 24, 24, 10)
    with pytest.raises(SpecError, match="colour images"):
        Pipeline(Augment(normalise="imagenet")).seen(dataset)


@pytest.mark.cuda
@pytest.mark.parametrize("fields", PAPERS.values(), ids=PAPERS)
def test_a_cuda_device_sees_what_the_cpu_sees(fields: dict[str, Any]) -> None:
    x = images()
    # Its interpolation rounds a byte otherwise here and there.
    assert (seen(x.cuda(), **fields).cpu() - seen(x, **fields)).abs().mean() < 0.02
