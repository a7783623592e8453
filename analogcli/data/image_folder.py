"""image-folder:PATH: one's own images, sorted into PATH/train/<class>/ and PATH/test/<class>/."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analogcli.data.source import Arrays, Bytes, Labels, Size, unreadable
from analogcli.errors import DataError

PREFIX = "image-folder:"
TEMPLATE = f"{PREFIX}PATH"
DESCRIPTION = "your own images, PATH/train/<class>/*.png and PATH/test/<class>/*.png, all of one size"
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
GREY = frozenset({"1", "L"})
DEEP = ("I", "F")


@dataclass(frozen=True)
class ImageFolder:
    """Images of one size; one channel where all of them are grey, else three. Classes are numbered by sorted name."""

    root: Path
    description: str = DESCRIPTION

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.root}"

    @property
    def size(self) -> Size:
        images = self.read(self.root, progress=False)
        assert images.n_classes is not None
        channels, height, width = images.train_x_NCHW.shape[1:]
        return Size(channels, height, width, images.n_classes)

    def where(self, data_dir: Path) -> Path:
        del data_dir  # the name says where
        return self.root

    def available(self, data_dir: Path) -> bool:
        del data_dir
        return all((self.root / part).is_dir() for part in ("train", "test"))

    def read(self, data_dir: Path, *, progress: bool) -> Arrays:
        del progress
        if not self.available(data_dir):
            raise DataError(f"{self.root} has no folders train and test; {TEMPLATE} reads {DESCRIPTION}.")
        train, test = _images(self.root / "train"), _images(self.root / "test")
        classes = sorted(train)
        unknown = sorted(set(test) - set(classes))
        if unknown:
            raise DataError(f"{self.root / 'test' / unknown[0]} is a class that {self.root / 'train'} does not have.")
        images = [path for part in (train, test) for paths in part.values() for path in paths]
        mode = _check_uniform(images)
        return Arrays(*_load(train, classes, mode), *_load(test, classes, mode), n_classes=len(classes))


def _images(part: Path) -> dict[str, list[Path]]:
    """Return the image files of each class, both sorted."""
    try:
        found = {
            folder.name: sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
            for folder in sorted(part.iterdir())
            if folder.is_dir() and not folder.name.startswith(".")
        }
    except OSError as exc:
        raise unreadable(part, exc) from exc
    if not found:
        raise DataError(f"{part} has no folders of classes; {TEMPLATE} reads {DESCRIPTION}.")
    empty = [name for name, files in found.items() if not files]
    if empty:
        raise DataError(
            f"{part / empty[0]} holds no images; {TEMPLATE} reads files that end in {', '.join(sorted(SUFFIXES))}."
        )
    return found


def _check_uniform(images: list[Path]) -> str:
    """Return the mode to read all images in, "L" or "RGB", having looked at their headers only."""
    from PIL import Image

    size, grey = None, True
    for path in images:
        try:
            with Image.open(path) as image:
                found, mode = image.size, image.mode
        except OSError as exc:
            raise _no_image(path) from exc
        if mode.startswith(DEEP):
            raise DataError(f"{path} has more than 8 bits a channel (mode {mode}); save it with 8.")
        size = size or found
        if found != size:
            raise DataError(
                f"{path} is {found[0]}×{found[1]} pixels but {images[0]} is {size[0]}×{size[1]}; bring all to one size."
            )
        grey = grey and mode in GREY
    return "L" if grey else "RGB"


def _load(part: dict[str, list[Path]], classes: list[str], mode: str) -> tuple[Bytes, Labels]:
    """Return images [N, C, H, W] and labels [N] of one part."""
    x_NCHW = np.stack([_pixels(path, mode) for paths in part.values() for path in paths])
    y_N = np.array([classes.index(name) for name, paths in part.items() for _ in paths], dtype=np.int64)
    return x_NCHW, y_N


def _pixels(path: Path, mode: str) -> Bytes:
    """Return one image [C, H, W]."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            pixels_HWc = np.asarray(image.convert(mode))
    except (OSError, SyntaxError, ValueError) as exc:  # Pillow has a word of its own for each format
        raise _no_image(path) from exc
    return np.ascontiguousarray(np.atleast_3d(pixels_HWc).transpose(2, 0, 1))


def _no_image(path: Path) -> DataError:
    return DataError(f"{path} is not a readable image; save it again or remove it.")
