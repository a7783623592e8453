"""What is learnt: data set, network, loss and the protocol of training."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, PositiveInt, field_validator, model_validator

from analogcli.spec.augment import Augment
from analogcli.spec.base import Spec
from analogcli.spec.custom import digest_of


def _folded(name: str) -> str:
    """Return the name of a data set as it is known; a path keeps its letters."""
    return name if ":" in name else name.lower()


DataSetName = Annotated[str, Field(min_length=1), AfterValidator(_folded)]
"""Any spelling of a name is the same run: ``CIFAR10`` is cifar10."""


class FcnModel(Spec):
    """Fully connected network; the papers' MNIST network is 784-256-128-10 with sigmoids."""

    kind: Literal["fcn"] = "fcn"
    hidden: tuple[PositiveInt, ...] = (256, 128)
    """Sizes of the hidden layers [neurons]; input and output sizes follow from the data set."""
    activation: Literal["sigmoid", "tanh", "relu"] = "sigmoid"
    """Activation function after every hidden layer."""


class BatchNormFcnModel(Spec):
    """Fully connected, without biases, BatchNorm without parameters behind every layer, ReLU behind all but the last.

    In the magneto-ionic simulations 1024-512-10 on images with a border of zeros."""

    kind: Literal["fcn-batchnorm"] = "fcn-batchnorm"
    hidden: tuple[PositiveInt, ...] = (512,)
    """Sizes of the hidden layers [neurons]; input and output sizes follow from the data set."""
    border: int = Field(2, ge=0)
    """Zeros around each image [pixels]."""
    momentum: float = Field(0.15, gt=0, le=1)
    """Weight of a mini-batch in the statistics that BatchNorm follows (torch: momentum)."""


class LeNet5Model(Spec):
    """LeNet-5 as AIHWKit's example 4 and the papers use it: two 5×5 convolutions, two linear layers, tanh."""

    kind: Literal["lenet5"] = "lenet5"
    channels: tuple[PositiveInt, PositiveInt] = (16, 32)
    """Output channels of the two convolutions."""
    hidden: int = Field(128, gt=0)
    """Size of the hidden linear layer [neurons]."""


class ResNetModel(Spec):
    """CIFAR-style residual network of basic blocks: 3×3 stem without pooling, four stages, the last three halve."""

    LATER: ClassVar[frozenset[str]] = frozenset({"block_type"})

    kind: Literal["resnet"] = "resnet"
    blocks: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (2, 2, 2, 2)
    """Basic blocks in each of the four stages: 2, 2, 2, 2 is ResNet-18, 3, 4, 6, 3 is ResNet-34."""
    width: int = Field(64, gt=0)
    """Channels of the first stage; every further stage has twice as many."""
    block_type: str = "AAAAAA"
    """What lies on arrays (A) and what is digital (D), of stem, layer1, layer2, layer3, layer4 and fc: D D D A A A."""

    @field_validator("blocks", mode="before")
    @classmethod
    def _four_numbers(cls, given: Any) -> Any:
        words = given.split() if isinstance(given, str) else given
        if isinstance(given, str) and (len(words) != 4 or not all(word.isdecimal() for word in words)):
            raise ValueError(f"{given!r} is not allowed; it must be four numbers, the blocks in each stage: 2 2 2 2")
        return words

    @field_validator("block_type", mode="before")
    @classmethod
    def _six_letters(cls, given: Any) -> str:
        letters = "".join(map(str, given) if isinstance(given, list | tuple) else str(given).split()).upper()
        if len(letters) != len(STAGES) or set(letters) - {"A", "D"}:
            raise ValueError(
                f"{given!r} is not allowed; it must be six letters, D (digital) or A (analog), for "
                f"{', '.join(STAGES[:-1])} and {STAGES[-1]}, e.g. D D D A A A"
            )
        return letters


STAGES = ("stem", "layer1", "layer2", "layer3", "layer4", "fc")
"""The parts of a residual network that its block_type has a letter for."""


SPELLED = {
    "mobilenetv2": "mobilenet_v2",
    "mobilenetv3s": "mobilenet_v3_small",
    "mobilenetv3l": "mobilenet_v3_large",
}
"""Networks as the papers' scripts spell them."""


class TorchvisionModel(Spec):
    """A network of torchvision for colour images, untrained or with weights from elsewhere."""

    LATER: ClassVar[frozenset[str]] = frozenset({"pretrained", "pretrained_sha256", "train_mode"})

    kind: Literal["torchvision"] = "torchvision"
    name: Literal["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "resnet18", "resnet34", "resnet50"]
    """The network, named as in torchvision.models."""
    pretrained: str = "none"
    """Weights to start from: none, imagenet (torchvision's IMAGENET1K_V1, downloaded), or the file of a state_dict."""
    pretrained_sha256: str = ""
    """Digest of the file of ``pretrained``, so that other weights are another run; filled in where it is left out."""
    train_mode: Literal["fft", "fix-backbone", "fix-analog", "full-analog"] = "full-analog"
    """fft: the last layer lies on arrays and everything is trained; fix-backbone: only the last layer is trained;
    fix-analog: everything but its arrays is trained; full-analog: all linear and convolutional layers lie on arrays."""

    @field_validator("name", mode="before")
    @classmethod
    def _as_the_scripts_spell_it(cls, given: Any) -> Any:
        return SPELLED.get(given.lower(), given.lower()) if isinstance(given, str) else given

    @field_validator("train_mode", mode="before")
    @classmethod
    def _as_the_papers_spell_it(cls, given: Any) -> Any:
        return given.lower().replace("_", "-") if isinstance(given, str) else given

    @model_validator(mode="before")
    @classmethod
    def _fill_in_digest(cls, data: Any) -> Any:
        given = data.get("pretrained") if isinstance(data, dict) else None
        if not isinstance(given, str):
            return data
        if given.lower() in ("none", "imagenet"):
            return data | {"pretrained": given.lower(), "pretrained_sha256": ""}
        if data.get("pretrained_sha256"):
            return data
        path = Path(given).expanduser()
        if not path.is_file():
            raise ValueError(f"pretrained = {given!r:.80}: there is no such file; give one, or none or imagenet")
        return data | {"pretrained_sha256": digest_of(path, f"pretrained = {given!r:.80}")}


class MlpModel(Spec):
    """Fully connected layers whose outputs are numbers, for regression; without hidden layers a single linear one."""

    LATER: ClassVar[frozenset[str]] = frozenset({"bias"})

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[PositiveInt, ...] = ()
    """Sizes of the hidden layers [neurons]; input and output sizes follow from the data set."""
    activation: Literal["none", "sigmoid", "tanh", "relu"] = "none"
    """Activation function after every hidden layer; none: the layers follow each other directly."""
    bias: bool = True
    """Whether layers have biases, which are digital."""


Model = Annotated[
    FcnModel | BatchNormFcnModel | LeNet5Model | ResNetModel | TorchvisionModel, Field(discriminator="kind")
]


class ConstantLR(Spec):
    """The learning rate stays as it is."""

    kind: Literal["constant"] = "constant"

    def factor_at(self, epoch: int) -> float:
        """Return the factor on the learning rate in ``epoch`` (counted from 1)."""
        del epoch
        return 1.0


class StepLR(Spec):
    """The learning rate is multiplied by ``factor`` after every ``every`` epochs (torch's StepLR)."""

    kind: Literal["step"] = "step"
    every: int = Field(gt=0)
    """Epochs between two steps (torch: step_size)."""
    factor: float = Field(gt=0, le=1)
    """Factor of each step (torch: gamma)."""

    def factor_at(self, epoch: int) -> float:
        """Return the factor on the learning rate in ``epoch`` (counted from 1)."""
        return self.factor ** ((epoch - 1) // self.every)


Schedule = Annotated[ConstantLR | StepLR, Field(discriminator="kind")]


class ClassificationTask(Spec):
    """Train a classifier on images for a number of epochs."""

    LATER: ClassVar[frozenset[str]] = frozenset({"augment", "label_smoothing", "precision", "lr_groups", "shuffle"})

    kind: Literal["classification"] = "classification"
    dataset: DataSetName
    """Data set: mnist, fashion-mnist, kmnist, cifar10, cifar100, mnist5k or image-folder:PATH."""
    model: Model
    """The network."""
    loss: Literal["nll"] = "nll"
    """Negative log-likelihood of the log-softmax output, averaged over the mini-batch (= cross-entropy)."""
    batch_size: int = Field(gt=0)
    """Images per mini-batch."""
    epochs: int = Field(ge=0)
    """Passes over the training set."""
    lr: float = Field(gt=0)
    """Learning rate of the optimizer (AIHWKit: AnalogSGD lr)."""
    schedule: Schedule = ConstantLR()
    """How the learning rate changes over the epochs."""
    augment: Augment = Augment()
    """What is done to images before the network sees them."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Part of the target that the wrong classes share evenly while training; the test loss has none of it."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers of the digital layers' products (torch's autocast); what lies on arrays is simulated in float32."""
    lr_groups: Literal["one", "last-layer", "last-tensor"] = "one"
    """one: all learn at lr; last-layer: all but the last layer learn at lr / 10; last-tensor: all but the last tensor
    of AIHWKit's last layer do, as in the 2024 script: on arrays that is the out scale of its last tile."""
    shuffle: bool = True
    """Whether each epoch has an order of its own; no: the order of the data set."""


class RegressionTask(Spec):
    """Train a network to predict numbers for a number of epochs."""

    LATER: ClassVar[frozenset[str]] = frozenset({"shuffle"})

    kind: Literal["regression"] = "regression"
    dataset: DataSetName
    """Data set with numbers to predict: toy-sum or toy-two-layers."""
    model: MlpModel = MlpModel()
    """The network."""
    loss: Literal["mse"] = "mse"
    """Squared error, averaged over the outputs and the mini-batch."""
    batch_size: int = Field(gt=0)
    """Samples per mini-batch; as many as the data set has, or more, is the full batch."""
    epochs: int = Field(ge=0)
    """Passes over the training set."""
    lr: float = Field(gt=0)
    """Learning rate of the optimizer (AIHWKit: AnalogSGD lr)."""
    schedule: Schedule = ConstantLR()
    """How the learning rate changes over the epochs."""
    shuffle: bool = True
    """Whether each epoch has an order of its own; no: the order of the data set."""
