"""What is learnt: data set, network, loss and the protocol of training."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from analogcli.spec.base import Spec


class FcnModel(Spec):
    """Fully connected network; the papers' MNIST network is 784-256-128-10 with sigmoids."""

    kind: Literal["fcn"] = "fcn"
    hidden: tuple[PositiveInt, ...] = (256, 128)
    """Sizes of the hidden layers [neurons]; input and output sizes follow from the data set."""
    activation: Literal["sigmoid", "tanh", "relu"] = "sigmoid"
    """Activation function after every hidden layer."""


class LeNet5Model(Spec):
    """LeNet-5 as AIHWKit's example 4 and the papers use it: two 5×5 convolutions, two linear layers, tanh."""

    kind: Literal["lenet5"] = "lenet5"
    channels: tuple[PositiveInt, PositiveInt] = (16, 32)
    """Output channels of the two convolutions."""
    hidden: int = Field(128, gt=0)
    """Size of the hidden linear layer [neurons]."""


class ResNetModel(Spec):
    """CIFAR-style residual network of basic blocks: 3×3 stem without pooling, four stages, the last three halve."""

    kind: Literal["resnet"] = "resnet"
    blocks: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (2, 2, 2, 2)
    """Basic blocks in each of the four stages: 2, 2, 2, 2 is ResNet-18, 3, 4, 6, 3 is ResNet-34."""
    width: int = Field(64, gt=0)
    """Channels of the first stage; every further stage has twice as many."""


class TorchvisionModel(Spec):
    """A network of torchvision with untrained weights, for colour images."""

    kind: Literal["torchvision"] = "torchvision"
    name: Literal["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "resnet18", "resnet34", "resnet50"]
    """The network, named as in torchvision.models."""


class MlpModel(Spec):
    """Fully connected layers whose outputs are numbers, for regression; without hidden layers a single linear one."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[PositiveInt, ...] = ()
    """Sizes of the hidden layers [neurons]; input and output sizes follow from the data set."""
    activation: Literal["none", "sigmoid", "tanh", "relu"] = "none"
    """Activation function after every hidden layer; none: the layers follow each other directly."""


Model = Annotated[FcnModel | LeNet5Model | ResNetModel | TorchvisionModel, Field(discriminator="kind")]


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

    kind: Literal["classification"] = "classification"
    dataset: str = Field(min_length=1)
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


class RegressionTask(Spec):
    """Train a network to predict numbers for a number of epochs."""

    kind: Literal["regression"] = "regression"
    dataset: str = Field(min_length=1)
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


Task = Annotated[ClassificationTask | RegressionTask, Field(discriminator="kind")]
