"""What a network needs to know about its data set."""

from typing import Protocol


class ImageShape(Protocol):
    """Size of the images, and how many outputs are wanted for each: its classes, or the numbers to be predicted."""

    @property
    def channels(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def n_outputs(self) -> int: ...
