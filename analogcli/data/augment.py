"""From stored bytes to what a network sees, on the device that trains: torchvision's transforms, image by image.

::

    training   pad and crop ─► cutout ─► flips ─► AutoAugment ─► resize ─► [0, 1] ─► normalise
    test                                                         resize ─► [0, 1] ─► normalise

torchvision draws from torch's global generator on the CPU. Around every mini-batch of every model that generator is
seeded with the model's seed, the epoch and the mini-batch, and put back afterwards: a run repeats and resumes bit for
bit, and a model sees the same images whatever it is trained beside.

Axes: R models, B images of a mini-batch, C channels, H and W the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analogcli.data.dataset import DataSet
from analogcli.data.source import Size
from analogcli.errors import SpecError
from analogcli.generators import derived_seed
from analogcli.spec import Augment, ClassificationTask, Task

MEAN_AND_STD = {"imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), "half": ((0.5,), (0.5,))}


@dataclass(frozen=True)
class Pipeline:
    """What :class:`~analogcli.spec.Augment` says, done to mini-batches of bytes."""

    augment: Augment

    @classmethod
    def of(cls, task: Task) -> "Pipeline":
        """Return the pipeline of a task; what numbers are predicted from stays as it is."""
        return cls(task.augment) if isinstance(task, ClassificationTask) else cls(Augment())

    def seen(self, dataset: DataSet | Size) -> Size:
        """Return the size of what a network sees of ``dataset``.

        Raises:
            SpecError: its images cannot be treated like this.
        """
        if self.augment.normalise == "imagenet" and dataset.channels != 3:
            raise SpecError(
                f"task.augment.normalise imagenet needs colour images; these have {dataset.channels} channel(s): "
                "use --set task.augment.normalise=half"
            )
        return Size(dataset.channels, *self._size(dataset.height, dataset.width), dataset.n_outputs)

    def _size(self, height: int, width: int) -> tuple[int, int]:
        return (self.augment.resize, self.augment.resize) if self.augment.resize else (height, width)

    def train(self, x_RBCHW: Tensor, seeds: Sequence[int], epoch: int, step: int) -> Tensor:
        """Return what the models with these seeds see of their images (bytes), numbers [R, B, C, H', W']."""
        if not self.augment.random:
            return self.test(x_RBCHW)
        # Its import takes half a second, which runs without changes do not need.
        from analogcli.data.changes import changes

        change, changed = changes(self.augment, *x_RBCHW.shape[-2:]), []
        with torch.random.fork_rng(devices=()):
            for seed, x_BCHW in zip(seeds, x_RBCHW, strict=True):
                torch.default_generator.manual_seed(derived_seed(seed, f"augment/{epoch}/{step}"))
                changed += [change(x_CHW) for x_CHW in x_BCHW]
        return self.test(torch.stack(changed).view(x_RBCHW.shape))

    def test(self, x: Tensor) -> Tensor:
        """Return what a network sees of images […, C, H, W] (bytes) that nothing is changed about."""
        if self.augment.resize:
            from torchvision.transforms.v2.functional import resize

            *batch, channels, height, width = x.shape
            size = self._size(height, width)
            x = resize(x.reshape(-1, channels, height, width), list(size)).view(*batch, channels, *size)
        x = unit_range(x)
        if self.augment.normalise != "none":
            from torchvision.transforms.v2.functional import normalize

            mean, std = MEAN_AND_STD[self.augment.normalise]
            x = normalize(x, list(mean), list(std), inplace=True)
        return x


def unit_range(x: Tensor) -> Tensor:
    """Return bytes as float32 in [0, 1]; what is float32 already stays as it is."""
    return x.to(torch.float32).div_(255) if x.dtype == torch.uint8 else x
