"""What is done to images before the network sees them: random changes of training images, size and range of all."""

from typing import Literal

from pydantic import Field

from analogcli.spec.base import Spec


class Augment(Spec):
    """From stored bytes to what the network sees; everything is off by default, and images are numbers in [0, 1].

    The order is that of the fields, which is that of the papers' scripts. Changes are drawn for every image by itself.
    """

    pad_crop: int = Field(0, ge=0)
    """Zeros around a training image, of which a part of the old size is cut out anywhere [pixels]; 0: none."""
    cutout: float = Field(0.0, ge=0, le=1)
    """Probability that a rectangle of a training image, 2 to 40 % of it, becomes one shade of grey."""
    horizontal_flip: float = Field(0.0, ge=0, le=1)
    """Probability that a training image is mirrored left to right."""
    vertical_flip: float = Field(0.0, ge=0, le=1)
    """Probability that a training image is turned upside down."""
    policy: Literal["none", "cifar10"] = "none"
    """cifar10: AutoAugment's 25 pairs of operations for CIFAR-10, one pair drawn for every training image."""
    resize: int = Field(0, ge=0)
    """Height and width to which all images are scaled, test images too [pixels]; 0: as they are."""
    normalise: Literal["none", "imagenet", "half"] = "none"
    """All images: imagenet, by the mean and std of ImageNet's channels; half, (x − 0.5) / 0.5."""

    @property
    def random(self) -> bool:
        """Whether training images are changed at random."""
        return bool(self.pad_crop or self.cutout or self.horizontal_flip or self.vertical_flip) or self.policy != "none"
