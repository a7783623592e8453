"""Compiled code on disk is thrown away when any source of compiled code has changed.

Numba keeps machine code beside the source and compares it with the contents of the one file that a function stands in.
The loops here take in functions of other files, so that after an upgrade or an edit it would run old code in new loops.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
SOURCES = (
    *sorted((PACKAGE / "crossbar" / "kernels").glob("*.py")),
    PACKAGE / "crossbar" / "table.py",
    PACKAGE / "nn" / "group_kernels.py",
    PACKAGE / "nn" / "patch_kernels.py",
    PACKAGE / "algorithms" / "kernels_chopped.py",
    PACKAGE / "magnetoionic" / "kernels.py",
)
STAMP = "sources.sha256"


def forget_stale(sources: Iterable[Path] = SOURCES) -> None:
    """Delete the compiled code beside ``sources`` unless it was made from exactly these; says so in a stamp file.

    Where the folder cannot be written, Numba keeps its code elsewhere and nothing is done.
    """
    sources = list(sources)
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    for folder in {source.parent / "__pycache__" for source in sources}:
        stamp = folder / STAMP
        with suppress(OSError):
            if stamp.is_file() and stamp.read_text() == digest:
                continue
            folder.mkdir(exist_ok=True)
            for compiled in (*folder.glob("*.nbi"), *folder.glob("*.nbc")):
                compiled.unlink(missing_ok=True)
            stamp.write_text(digest)
