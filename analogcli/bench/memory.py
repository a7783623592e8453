"""How much memory training takes at its peak, beyond what the process held before the model was built.

On the CPU this is the kernel's own high-water mark of the resident set (proc(5): VmHWM), which Linux can set back;
on CUDA the allocator's.
"""

from pathlib import Path

import torch

_SET_BACK_PEAK = "5"


class PeakMemory:
    """The peak from the moment this is made; ``bytes`` is None where the system does not tell."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.reset_peak_memory_stats(device)
            self._before: int | None = torch.cuda.memory_allocated(device)
        else:
            try:
                Path("/proc/self/clear_refs").write_text(_SET_BACK_PEAK, encoding="ascii")
                self._before = _status("VmRSS")
            except OSError:
                self._before = None

    @property
    def bytes(self) -> int | None:
        if self._before is None:
            return None
        on_cuda = self._device.type == "cuda"
        return (torch.cuda.max_memory_allocated(self._device) if on_cuda else _status("VmHWM")) - self._before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
