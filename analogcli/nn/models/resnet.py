"""Residual network for small images (He et al., arXiv 1512.03385): ResNet-18 and -34 as CIFAR experiments use them.

::

    x ─► conv 3×3 ─► BN ─► ReLU ─► stage 1 ─► stage 2 ─► stage 3 ─► stage 4 ─► mean over the image ─► fc ─► LogSoftmax
         width             width      2 width    4 width    8 width   (channels; stages 2–4 halve height and width)

    block:  y = ReLU(BN(conv(ReLU(BN(conv x)))) + shortcut(x))
            shortcut: identity, or conv 1×1 and BN where the shapes differ

Unlike ImageNet's stem (7×7, stride 2, pooling) this one keeps the 32×32 pixels. Convolutions have no bias.
Layers are named as in torchvision: conv1, layer1 … layer4, fc.
"""

from torch import Tensor
from torch.nn import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Identity,
    Linear,
    LogSoftmax,
    Module,
    ReLU,
    Sequential,
)

from analogcli.nn.models.shape import ImageShape
from analogcli.spec import ResNetModel

STRIDES = (1, 2, 2, 2)


class BasicBlock(Module):
    """Two 3×3 convolutions beside a shortcut: x [B, n_in, H, W] → [B, n_out, H / stride, W / stride]."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(n_out)
        self.relu1 = ReLU()
        self.conv2 = Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(n_out)
        same = stride == 1 and n_in == n_out
        self.shortcut = (
            Identity() if same else Sequential(Conv2d(n_in, n_out, 1, stride, bias=False), BatchNorm2d(n_out))
        )
        self.relu2 = ReLU()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        residual_BCHW = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x_BCHW)))))
        y_BCHW: Tensor = self.relu2(residual_BCHW + self.shortcut(x_BCHW))
        return y_BCHW


class ResNet(Module):
    """The network: x [B, C, H, W] → log-probabilities [B, K], for images of any size."""

    def __init__(self, model: ResNetModel, shape: ImageShape) -> None:
        super().__init__()
        self.conv1 = Conv2d(shape.channels, model.width, 3, padding=1, bias=False)
        self.bn1 = BatchNorm2d(model.width)
        self.relu = ReLU()
        n_in = model.width
        stages = []
        for i, (n_blocks, stride) in enumerate(zip(model.blocks, STRIDES, strict=True)):
            n_out = model.width * 2**i
            rest = [BasicBlock(n_out, n_out, 1) for _ in range(n_blocks - 1)]
            stages.append(Sequential(BasicBlock(n_in, n_out, stride), *rest))
            n_in = n_out
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.pool = AdaptiveAvgPool2d(1)
        self.flatten = Flatten()
        self.fc = Linear(n_in, shape.n_outputs)
        self.log_softmax = LogSoftmax(dim=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x_BCHW = self.relu(self.bn1(self.conv1(x_BCHW)))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x_BCHW = layer(x_BCHW)
        log_probs_BK: Tensor = self.log_softmax(self.fc(self.flatten(self.pool(x_BCHW))))
        return log_probs_BK


def build_resnet(model: ResNetModel, shape: ImageShape) -> Module:
    """Return the untrained network; blocks (2, 2, 2, 2) and (3, 4, 6, 3) are ResNet-18 and ResNet-34."""
    return ResNet(model, shape)
