"""Compiled loops are kept on disk and found again: a process compiles only what none before it has."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analogcli.algorithms.kernels_chopped import learn_vectors
from analogcli.crossbar.kernels.coincidence import pulse_rows, update_arrays
from analogcli.crossbar.kernels.freshness import PACKAGE, SOURCES, forget_stale
from analogcli.crossbar.table import POWER

UPDATE = """
import torch
from analogcli.crossbar import CrossbarArray, Randomness, draw_devices
from analogcli.spec import SoftBounds, Update

array = CrossbarArray(draw_devices(SoftBounds(tau=0.6, dw_min=0.01), (2, 3), [torch.Generator().manual_seed(0)]))
array.pulse(torch.ones(1, 4, 3), torch.ones(1, 4, 2), 0.01, Update(), Randomness([0]))
"""


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    def files_after_an_update() -> set[Path]:
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        subprocess.run([sys.executable, "-c", UPDATE], env=environment, check=True, timeout=120)
        return {path for path in tmp_path.rglob("*") if path.is_file()}

    first = files_after_an_update()
    assert any(path.name.startswith("coincidence.update_arrays") for path in first)
    assert files_after_an_update() == first


@pytest.mark.parametrize("loop", [pulse_rows, update_arrays, learn_vectors])
def test_a_loop_closes_over_the_number_of_its_formula_only(loop: Callable[[int], Any]) -> None:
    """Numba finds it by the pickled values it closes over, and a compiled function is pickled differently each time."""
    assert [cell.cell_contents for cell in loop(POWER).py_func.__closure__] == [POWER]


def test_every_file_with_compiled_loops_is_watched() -> None:
    numba = re.compile(r"^\s*(from|import) numba\b", flags=re.M)
    compiled = {path for path in PACKAGE.rglob("*.py") if numba.search(path.read_text(encoding="utf-8"))}
    assert len(compiled) > 10
    assert compiled <= set(SOURCES)
    assert all(source.is_file() for source in SOURCES)


def test_compiled_code_of_other_sources_is_thrown_away(tmp_path: Path) -> None:
    source, other = tmp_path / "a.py", tmp_path / "b.py"
    source.write_text("1")
    other.write_text("1")
    (tmp_path / "__pycache__").mkdir()
    compiled = tmp_path / "__pycache__" / "a.loop-1.py311.nbi"

    def survives() -> bool:
        compiled.write_text("machine code")
        forget_stale([source, other])
        return compiled.exists()

    assert not survives()  # nobody knows what it was made of
    assert survives()
    other.write_text("2")
    assert not survives()
    assert survives()
