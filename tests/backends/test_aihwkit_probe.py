"""Does AIHWKit work here? The probe finds out what is wrong, the table says what to install."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from aihwkit_kit import TT, needs_aihwkit, spec
from command_kit import Done

from analogcli.backends.aihwkit import WORKING_PAIRS, AihwkitBackend, probe
from analogcli.backends.aihwkit.pairs import advice, known_to_work
from analogcli.errors import SpecError

pytestmark = pytest.mark.aihwkit


@needs_aihwkit
def test_managed_transfer_read_is_refused() -> None:
    managed = {**TT, "transfer_read": {"noise_management": "abs-max"}}
    with pytest.raises(SpecError, match=r"transfer_read\.noise_management = 'abs-max' is not allowed"):
        spec(algorithm=managed)


@needs_aihwkit
def test_without_a_cuda_wheel_the_cpu_is_taken_with_a_reason() -> None:
    from analogcli.backends.aihwkit.tiles import compiled_with_cuda

    if compiled_with_cuda():
        pytest.skip("this AIHWKit is compiled with CUDA")
    assert AihwkitBackend().reason_against(torch.device("cpu")) is None
    assert "compiled without CUDA" in str(AihwkitBackend().reason_against(torch.device("cuda", 0)))


@needs_aihwkit
def test_probe_passes_here() -> None:
    result = probe()
    assert (result.ok, result.problem, result.advice) == (True, "", "")
    assert result.torch_version == torch.__version__


def test_probe_reports_that_aihwkit_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aihwkit", None)  # Python's own way to say that a package is not there
    result = probe()
    assert (result.ok, result.aihwkit_version, result.problem) == (False, None, "AIHWKit is not installed")
    assert result.advice.startswith("pip install")


FAKES = {
    "raises": ("raise RuntimeError('tensor does not have a device')", "tensor does not have a device"),
    "crashes": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed with SIGSEGV"),
    "hangs": ("import time; time.sleep(60)", "no answer within 1 s"),
    "wrong": ("", "does not hold the weights that were written"),
}
WRONG_TILE = """
import torch
class AnalogTile:
    def __init__(self, *args, **kwargs): pass
    def set_weights(self, weight): pass
    def get_weights(self): return torch.zeros(4, 5), None
"""


def fake_aihwkit(folder: Path, program: str) -> None:
    for package in ("aihwkit", "aihwkit/simulator", "aihwkit/simulator/tiles"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text("")
    (folder / "aihwkit/__init__.py").write_text(program)
    configs = "from types import SimpleNamespace\nclass ConstantStepDevice:\n    def __init__(self, **kwargs): pass\n"
    configs += "def SingleRPUConfig(device): return SimpleNamespace(forward=SimpleNamespace())\n"
    (folder / "aihwkit/simulator/configs.py").write_text(configs)
    (folder / "aihwkit/simulator/tiles/analog.py").write_text(WRONG_TILE)


@pytest.mark.parametrize("kind", FAKES)
def test_probe_reports_a_broken_aihwkit(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, problem = FAKES[kind]
    fake_aihwkit(tmp_path, program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    result = probe(timeout=1.0 if kind == "hangs" else 60.0)
    assert not result.ok
    assert problem in result.problem
    assert "pip install" in result.advice and "aihwkit==" in result.advice


def test_check_is_one_sentence_where_aihwkit_is_broken(tmp_path: Path) -> None:
    """The backend's module imports there, and only its use is refused."""
    fake_aihwkit(tmp_path, "raise ImportError('undefined symbol: _ZN3c10')")
    program = "from analogcli.backends.aihwkit import AihwkitBackend\nfrom analogcli.errors import BackendError\n"
    program += "try: AihwkitBackend().check()\nexcept BackendError as exc: print(exc)\n"
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("backend aihwkit does not work here (aihwkit ")
    assert "undefined symbol: _ZN3c10; pip install" in done.stdout and "native work without it" in done.stdout


def test_where_it_is_broken_native_runs_go_on_and_doctor_names_the_pair(
    analog_process: Callable[..., Done], tmp_path: Path
) -> None:
    fake_aihwkit(tmp_path, "raise ImportError('undefined symbol: _ZN3c10')")
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    tiny = ("run", "mnist-fcn", "--dataset", "mnist5k", "--epochs", "0", "--setting", "tt-v1")
    assert analog_process(*tiny, "--backend", "native", PYTHONPATH=path).code == 0
    refused = analog_process(*tiny, "--backend", "aihwkit", PYTHONPATH=path)
    assert refused.code != 0 and "pip install" in refused.err and "native work without it" in refused.err
    diagnosis = analog_process("doctor", "--json", PYTHONPATH=path)
    (finding,) = [finding for finding in diagnosis.json if finding["what"] == "aihwkit"]
    assert not finding["well"] and "undefined symbol" in finding["found"]
    assert 'pip install "aihwkit==' in finding["advice"] and '"torch>=' in finding["advice"]
    assert diagnosis.code == 1


def test_table_of_pairs() -> None:
    assert known_to_work("1.1.0", "2.12.1+cpu") and known_to_work("1.2.0", "2.14.0")
    assert not known_to_work("1.1.0", "2.13.0") and not known_to_work("1.2.0", "2.12.0")
    assert not known_to_work(None, "2.12.0")
    assert 'aihwkit==1.1.0" "torch>=2.10,<2.13"' in advice("2.12.0", python=(3, 12))
    assert 'aihwkit==1.2.0" "torch>=2.13,<2.16"' in advice("2.14.0", python=(3, 12))
    assert WORKING_PAIRS[0].aihwkit in advice("2.14.0", python=(3, 11))
    assert advice("2.14.0", python=(3, 15)).startswith("take a Python that AIHWKit has wheels for")
