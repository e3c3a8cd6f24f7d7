"""The residual network of the paper's experiments: ResNet-18 with pre-activation, for pictures of any size.

Each block adds to its input what two convolutions make of it, after normalisation and ReLU ("version 2" of He et al.
2016, *Identity Mappings in Deep Residual Networks*), so that the identity runs through the whole network. A stem
brings larger pictures down to about 32 × 32 first: a picture of 96 pixels costs no more than one of 32.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ibteach import checks
from ibteach.errors import InvalidInput

BLOCKS = (2, 2, 2, 2)  # with two convolutions each, the stem and the decoder: 18 layers


class Block(nn.Module):
    """x + conv(relu(norm(conv(relu(norm(x)))))); where the shape changes, a 1×1 convolution of relu(norm(x)) for x."""

    def __init__(self, before: int, width: int, stride: int, norm):
        super().__init__()
        self.norm1, self.norm2 = norm(before), norm(width)
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        changes = stride > 1 or before != width
        self.shortcut = nn.Conv2d(before, width, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.norm1(x))
        identity = x if self.shortcut is None else self.shortcut(active)
        return identity + self.conv2(F.relu(self.norm2(self.conv1(active))))


class ResNet18(nn.Module):
    """Images (N, C, H, W) → features (N, 8 · width), ≥ 0: the last maps after normalisation and ReLU, averaged.

    Args:
        inputs: (channels, height, width) of one image.
        width: channels of the first stage; 64 is the usual network, with 11.2 million parameters. Doubled three times.
        norm: ``"batch"``, or ``"group"`` (groups of 8 channels) for networks that are to be stacked in an `Ensemble`.

    Raises `InvalidInput` for images that are smaller than 8 pixels, or a width that groups of 8 do not divide.

    >>> import torch
    >>> ResNet18((3, 32, 32), width=8)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 64])
    """

    def __init__(self, inputs: tuple[int, int, int], width: int = 64, norm: str = "batch"):
        super().__init__()
        channels, *size = (checks.whole("inputs", one) for one in checks.several("inputs", inputs, 3))
        if min(size) < 8:
            raise InvalidInput(f"inputs: got images of {size[0]}×{size[1]} pixels, expected at least 8×8 for a ResNet.")
        width, layer = checks.whole("width", width), NORMS[checks.known("norm", norm, NORMS)]
        if norm == "group" and width % 8:
            raise InvalidInput(f"width: got {width}, expected a multiple of 8, in whose groups it is normalised.")
        stride = max(1, round(min(size) / 32))
        self.stem = nn.Conv2d(channels, width, 2 * stride + 1, stride, padding=stride, bias=False)
        blocks, before = [], width
        for stage, count in enumerate(BLOCKS):
            for block in range(count):
                halved = 2 if stage > 0 and block == 0 else 1
                blocks.append(Block(before, width << stage, halved, layer))
                before = width << stage
        self.blocks, self.norm = nn.Sequential(*blocks), layer(before)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        return F.relu(self.norm(self.blocks(self.stem(images)))).mean((-2, -1))


NORMS = {"batch": nn.BatchNorm2d, "group": lambda channels: nn.GroupNorm(channels // 8, channels)}
