"""Least-squares problems: the papers' toy examples, in which floors of the error can be seen and calculated.

::

    Y = A W* + bias_true          A [rows, dimension],  W* [dimension, outputs]
    f(w, b) = c/(rows outputs) ‖A w + b − Y‖²          c = 1 (mse) or 1/2 (half-mse)

    normal   A and W* are normal numbers times their scales
    grid     A is 1, and W* is uniform on 2¹⁶ values from −1 to 1

Every iteration takes all rows. Sources: arXiv 2406.12774 (P24), appendix I, and 2502.06309 (P25), appendix K; of grid
2510.02516, appendix K.3.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from analogcli.spec.base import Spec
from analogcli.spec.task import ConstantLR, MlpModel


class ConstantStart(Spec):
    """All weights and the bias start at one value; arrays clip it to their bounds, the digital bias does not."""

    kind: Literal["constant"] = "constant"
    value: float = 0.0
    """The value [weight units]."""


class RandomStart(Spec):
    """Weights start as a layer's do, U(±1/√dimension) from the model's seed; the bias starts at 0."""

    kind: Literal["random"] = "random"


class DigitalStart(Spec):
    """Weights and bias start where noise-free digital gradient descent from 0 has come to."""

    kind: Literal["digital"] = "digital"
    steps: int = Field(ge=0)
    """Steps of the descent, at the task's learning rate."""


Start = Annotated[ConstantStart | RandomStart | DigitalStart, Field(discriminator="kind")]


class LeastSquaresTask(Spec):
    """Descend a random least-squares problem, with the error written down in every iteration."""

    LATER: ClassVar[frozenset[str]] = frozenset({"numbers", "outputs", "bias"})

    kind: Literal["least-squares"] = "least-squares"
    dimension: int = Field(gt=0)
    """Length of the solution W*, the inputs of the layer (papers: D)."""
    rows: int = Field(100, gt=0)
    """Equations (papers: N)."""
    numbers: Literal["normal", "grid"] = "normal"
    """How A and W* are drawn: normal, or ones and a grid of 2^16 values."""
    outputs: int = Field(1, gt=0)
    """Columns of W*, each a problem of its own; the loss is the mean over them."""
    bias: bool = True
    """Whether the layer has a digital bias."""
    data_seed: int = Field(42, ge=0)
    """Seed of W* and then A, drawn by torch's generator on the CPU as the scripts do."""
    w_scale: float = Field(1.0, ge=0)
    """Standard deviation of the entries of W* [weight units]."""
    a_scale: float = Field(1.0, gt=0)
    """Standard deviation of the entries of A."""
    bias_true: float = 0.0
    """What is added to A W*."""
    loss: Literal["mse", "half-mse"] = "mse"
    """The mean over rows of the squared error, or half of it."""
    gradient_noise: float = Field(0.0, ge=0)
    """Standard deviation of normal noise that is added to every entry of the gradient, the bias' too (papers: σ)."""
    start: Start = ConstantStart()
    """Where weights and bias start."""
    iterations: int = Field(gt=0)
    """Steps with the full batch."""
    record: Literal["exact", "read"] = "exact"
    """What is written down for each iteration, divided by the dimension: the loss of the weights and bias as they are,
    or the loss that the noisy forward read gives."""
    lr: float = Field(gt=0)
    """Learning rate of the optimizer."""

    dataset: ClassVar[str] = "least-squares"
    """The data follow from the other fields."""
    epochs: ClassVar[int] = 1
    """All iterations are one pass: they have one record, one series of errors, and checkpoints in between."""
    shuffle: ClassVar[bool] = False
    """Rows stay in their order."""
    schedule: ClassVar[ConstantLR] = ConstantLR()
    """The learning rate stays as it is."""

    @property
    def model(self) -> MlpModel:
        """One linear layer."""
        return MlpModel(bias=self.bias)

    @property
    def batch_size(self) -> int:
        """Every iteration takes all rows."""
        return self.rows
