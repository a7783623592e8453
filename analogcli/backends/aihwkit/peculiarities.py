"""What AIHWKit does that a user may not expect, and that is not refused: noted with the run.

What would be wrong is refused (:mod:`analogcli.spec.support`). That pulses have no seed stands in every record.
"""

from analogcli.spec import RunSpec
from analogcli.spec.device import WrittenDevice

CONVOLUTIONAL = ("lenet5", "resnet", "torchvision")
"""Networks whose layers see patches of images."""


def peculiarities(spec: RunSpec) -> list[str]:
    """Return what a user should know of this run on AIHWKit, one sentence each."""
    found = []
    if not getattr(spec.algorithm, "units_in_mbatch", True) and spec.task.model.kind in CONVOLUTIONAL:
        found.append("algorithm.transfer_every counts every image patch of a convolution as a vector")
    noisy = any(isinstance(device, WrittenDevice) and device.write_noise_std for device in spec.devices.values())
    if noisy and spec.algorithm.kind not in ("analog-sgd", "mp"):
        found.append("AIHWKit cannot read back several arrays with write noise: the run cannot be resumed")
    return found
