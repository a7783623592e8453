"""One look for all figures: sizes of the papers, colours that colour-blind readers can tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette without its yellow, which is too faint on white; black is kept for what has no devices.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DIGITAL = "#000000"
PANEL_INCHES = (3.84, 2.88)

_STYLE: Any = {
    "font.size": 9,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 3.6,
    "legend.markerscale": 0.8,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.0,
    "figure.dpi": 160,
    "savefig.bbox": "tight",
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "analog",
}


@contextmanager
def themed() -> Iterator[None]:
    """Apply the theme while the block runs."""
    with matplotlib.rc_context(_STYLE):
        yield


def save(figure: "Figure", folder: Path, name: str, formats: list[str]) -> list[Path]:
    """Write a figure in each format and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix in formats:
        path = folder / f"{name}.{suffix}"
        # Without a date the same data give the same file. Fonts and ids of a file are chosen when it is written.
        with themed():
            figure.savefig(path, metadata={"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(suffix))
        paths.append(path)
    return paths
