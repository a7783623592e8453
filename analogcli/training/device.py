"""Where a run is computed: the CPU, or the CUDA device that was asked for if there is one."""

import platform

import psutil
import torch

from analogcli.errors import UsageError
from analogcli.spec import ExecutionOptions


def choose(options: ExecutionOptions) -> tuple[torch.device, str | None]:
    """Return the device and, if it is not the one asked for, a sentence that says so.

    Raises:
        UsageError: there are CUDA devices, but not the one asked for.
    """
    if options.cuda is None:
        return torch.device("cpu"), None
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        return torch.device(
            "cpu"
        ), f"--cuda {options.cuda}: there is no CUDA device here; the run is computed on the CPU"
    if options.cuda >= count:
        known = ", ".join(f"{i} ({torch.cuda.get_device_name(i)})" for i in range(count))
        raise UsageError(f"--cuda {options.cuda}: there is no such device; there are: {known}")
    return torch.device("cuda", options.cuda), None


def describe(device: torch.device) -> str:
    """Return the name of a device for the record, e.g. ``cuda:0 NVIDIA A100`` or ``cpu x86_64, 2 threads``."""
    if device.type == "cuda":
        return f"{device} {torch.cuda.get_device_name(device)}"
    return f"cpu {platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def free_bytes(device: torch.device) -> int:
    """Return how much memory of a device nobody uses [bytes]."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
