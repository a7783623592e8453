"""A picture that can be drawn: its name, the numbers behind it, and what is to be said of it.

Nothing here imports matplotlib: a picture is drawn only when its canvas is asked for.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure as Canvas

    from analogcli.figures.rows import Row


class Quantity(StrEnum):
    """What is drawn of runs."""

    RESULT = "result"
    GRADIENT = "gradient"
    WEIGHTS = "weights"
    WARM_START = "warm-start"


@dataclass(frozen=True)
class Drawing:
    """A figure that can be drawn, and the numbers that it is drawn from."""

    name: str
    """A name for its files."""
    canvas: "Callable[[], Canvas]"
    numbers: "Callable[[], list[Row]] | None" = None
    """None where another command prints them, or where there are too many to print."""
    remarks: list[str] = field(default_factory=list)
    """What is missing, with the command that makes it, and which runs are not as the figure asks for."""
