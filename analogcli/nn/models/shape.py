"""What a network needs to know about its data set."""

from typing import Protocol


class ImageShape(Protocol):
    """Size of the images and number of the classes."""

    @property
    def channels(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def n_classes(self) -> int: ...
