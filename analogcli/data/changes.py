"""Random changes of one image of bytes, as torchvision's transforms; they draw from torch's global generator.

Sources: cutout arXiv 1708.04552, as the multi-tile paper's script has it (one shade of grey); AutoAugment 1805.09501.
Importing this imports torchvision, which takes half a second.
"""

from typing import Any

import torch
from torchvision.transforms import v2

from analogcli.spec import Augment

CUTOUT_AREA = (0.02, 0.4)
"""Part of the image that a cutout takes."""
CUTOUT_ASPECT = (0.4, 2.5)
"""Height by width of a cutout."""
GREY = 128
"""What AutoAugment puts where an image was moved away from."""


class Cutout(v2.RandomErasing):  # type: ignore[misc]
    """Erases a rectangle to one shade of grey, drawn anew every time."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return torchvision's rectangle with a shade of ours."""
        params: dict[str, Any] = super().make_params(flat_inputs)
        if params["v"] is not None:
            params["v"] = torch.randint(256, (1, 1, 1), dtype=torch.uint8)
        return params


def changes(augment: Augment, height: int, width: int) -> Any:
    """Return what changes one image [C, H, W] of bytes, in the order of the fields."""
    steps = list[Any]()
    if augment.pad_crop:
        steps.append(v2.RandomCrop((height, width), padding=augment.pad_crop))
    if augment.cutout:
        steps.append(Cutout(augment.cutout, CUTOUT_AREA, CUTOUT_ASPECT))
    if augment.horizontal_flip:
        steps.append(v2.RandomHorizontalFlip(augment.horizontal_flip))
    if augment.vertical_flip:
        steps.append(v2.RandomVerticalFlip(augment.vertical_flip))
    if augment.policy == "cifar10":
        steps.append(v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10, fill=GREY))
    return v2.Compose(steps)
