"""Does AIHWKit work here? A real tile is written, updated and read, in a process of its own because it may crash.

A wheel that does not fit the installed torch imports without complaint and fails, or computes nonsense, at the first
tensor that is handed over.
"""

import signal
import subprocess
import sys
from dataclasses import dataclass

from analogcli.backends.aihwkit import pairs

# An ideal device with exact reads: the update is W - lr d xᵀ in 30 pulses where |d xᵀ| = 1. The tolerance is half of
# that, more than five standard deviations of the pulses' chance, and an update that does nothing is outside of it.
_PROGRAM = """
import torch
from aihwkit.simulator.configs import ConstantStepDevice, SingleRPUConfig
from aihwkit.simulator.tiles.analog import AnalogTile

exact = dict(dw_min_std=0.0, dw_min_dtod=0.0, w_max_dtod=0.0, w_min_dtod=0.0, up_down_dtod=0.0, construction_seed=1)
config = SingleRPUConfig(device=ConstantStepDevice(dw_min=1e-3, **exact))
config.forward.is_perfect = True
tile = AnalogTile(4, 5, config, bias=False)
before = torch.linspace(-0.4, 0.4, 20).reshape(4, 5)
x = torch.linspace(0.2, 1.0, 5).reshape(1, 5)
d = torch.linspace(-1.0, 1.0, 4).reshape(1, 4)
tile.set_weights(before)
if not torch.allclose(tile.get_weights()[0], before, atol=1e-6):
    raise SystemExit("a tile does not hold the weights that were written")
tile.set_learning_rate(0.03)
tile.update(x, d)
after = tile.get_weights()[0]
if not torch.allclose(after, before - 0.03 * d.T @ x, atol=1.5e-2):
    raise SystemExit("a tile does not learn what it is given")
if not torch.allclose(tile(x), x @ after.T, atol=1e-5):
    raise SystemExit("a tile's forward pass is not the product with its weights")
"""


@dataclass(frozen=True)
class ProbeResult:
    """What was found; ``problem`` and ``advice`` are empty where everything works."""

    ok: bool
    aihwkit_version: str | None
    torch_version: str
    problem: str = ""
    advice: str = ""


def probe(timeout: float = 120.0) -> ProbeResult:
    """Run the probe in a subprocess with this interpreter; it takes a few seconds, most of them to import torch.

    Args:
        timeout: how long to wait for it [s].
    """
    aihwkit_version, torch_version = pairs.installed()
    problem = "AIHWKit is not installed" if aihwkit_version is None else _run(timeout)
    advice = pairs.advice(torch_version) if problem else ""
    return ProbeResult(not problem, aihwkit_version, torch_version, problem, advice)


def _run(timeout: float) -> str:
    """Return what went wrong, or an empty string."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the probe gave no answer within {timeout:g} s"
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        return f"the probe crashed with {signal.Signals(-done.returncode).name}"
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"the probe ended with status {done.returncode}"
