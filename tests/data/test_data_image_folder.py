"""image-folder:PATH reads one's own images, and says in one sentence what is wrong with them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analogcli import data
from analogcli.errors import DataError

CPU = torch.device("cpu")


def save(path: Path, value: int | tuple[int, int, int], size: tuple[int, int] = (6, 4)) -> None:
    """Write an image of one colour: grey where ``value`` is a number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(value, int) else "RGB", size, value).save(path)


@pytest.fixture
def pets(tmp_path: Path) -> Iterator[Path]:
    """Grey images, 6 wide and 4 high: two cats and one dog to train, one dog to test."""
    save(tmp_path / "train" / "dog" / "a.png", 30)
    save(tmp_path / "train" / "cat" / "b.png", 20)
    save(tmp_path / "train" / "cat" / "a.PNG", 10)
    save(tmp_path / "test" / "dog" / "a.png", 40)
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / "train" / ".hidden").mkdir()
    yield tmp_path


def load(folder: Path) -> data.DataSet:
    return data.load(f"image-folder:{folder}", None, CPU)


def test_classes_and_files_are_numbered_by_sorted_name(pets: Path) -> None:
    dataset = load(pets)
    assert dataset.train_x_BCHW.shape == (3, 1, 4, 6) and dataset.train_x_BCHW.dtype == torch.uint8
    assert dataset.train_x_BCHW[:, 0, 0, 0].tolist() == [10, 20, 30]
    assert dataset.train_y_B.tolist() == [0, 0, 1]
    assert dataset.test_y_B.tolist() == [1]
    assert (dataset.channels, dataset.height, dataset.width, dataset.n_classes) == (1, 4, 6, 2)


def test_one_colour_image_makes_all_of_them_colour(pets: Path) -> None:
    save(pets / "test" / "cat" / "red.png", (255, 0, 0))
    dataset = load(pets)
    assert dataset.train_x_BCHW.shape == (3, 3, 4, 6)
    assert dataset.test_x_BCHW[0, :, 0, 0].tolist() == [255, 0, 0]
    assert dataset.train_x_BCHW[0, :, 0, 0].tolist() == [10, 10, 10]


def test_rows_and_columns_keep_their_place(tmp_path: Path) -> None:
    pixels_HWc = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    for part in ("train", "test"):
        (tmp_path / part / "a").mkdir(parents=True)
        Image.fromarray(pixels_HWc).save(tmp_path / part / "a" / "1.png")
    assert torch.equal(load(tmp_path).train_x_BCHW[0], torch.from_numpy(pixels_HWc).permute(2, 0, 1))


def test_the_fingerprint_is_that_of_the_content(pets: Path) -> None:
    before = load(pets).fingerprint
    (pets / "train" / "cat" / "b.png").rename(pets / "train" / "cat" / "c.png")
    assert load(pets).fingerprint == before
    save(pets / "train" / "cat" / "c.png", 21)
    assert load(pets).fingerprint != before


def test_availability_is_that_of_its_two_folders(pets: Path) -> None:
    assert data.available(f"image-folder:{pets}")
    assert not data.available(f"image-folder:{pets / 'train'}")


def test_no_folders_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folders train and test; image-folder:PATH reads .*PATH/train/<class>/"):
        load(tmp_path)


def test_images_of_two_sizes_are_refused_by_name(pets: Path) -> None:
    save(pets / "train" / "dog" / "big.png", 0, size=(8, 8))
    with pytest.raises(DataError, match=r"big\.png is 8×8 pixels but .*a\.PNG is 6×4; bring all to one size"):
        load(pets)


@pytest.mark.parametrize("content", [b"", b"no image at all"])
def test_a_file_that_is_no_image_is_refused_by_name(pets: Path, content: bytes) -> None:
    (pets / "test" / "dog" / "bad.png").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.png is not a readable image"):
        load(pets)


def test_a_truncated_image_is_refused_by_name(pets: Path) -> None:
    noise_HWc = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    path = pets / "test" / "dog" / "cut.png"
    Image.fromarray(noise_HWc).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"cut\.png is not a readable image"):
        load(pets)


def test_sixteen_bit_images_are_refused_and_not_clipped(pets: Path) -> None:
    Image.fromarray(np.full((4, 6), 40_000, dtype=np.uint16)).save(pets / "test" / "dog" / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png has more than 8 bits a channel"):
        load(pets)


def test_a_class_that_is_only_tested_is_refused(pets: Path) -> None:
    save(pets / "test" / "fish" / "a.png", 0)
    with pytest.raises(DataError, match=r"test/fish is a class that .*train does not have"):
        load(pets)


def test_a_class_without_images_is_refused(pets: Path) -> None:
    (pets / "train" / "fish").mkdir()
    with pytest.raises(DataError, match=r"train/fish holds no images"):
        load(pets)


def test_a_part_without_classes_is_refused(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
    with pytest.raises(DataError, match=r"train has no folders of classes"):
        load(tmp_path)
