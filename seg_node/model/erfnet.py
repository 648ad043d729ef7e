# SPDX-License-Identifier: Apache-2.0
"""ERFNet, layer by layer and name by name as published.

E. Romera, J. M. Alvarez, L. M. Bergasa and R. Arroyo, "ERFNet: Efficient Residual Factorized
ConvNet for Real-Time Semantic Segmentation", IEEE T-ITS 19(1), 2018, table I. Module names are
those of the authors' code (https://github.com/Eromera/erfnet_pytorch), so weights trained there
load; the encoder's own classifier, used only to pre-train it, is left out.
"""

from __future__ import annotations

import torch
from torch import nn, Tensor
from torch.nn import functional

NORM_EPS = 1e-3


class DownsamplerBlock(nn.Module):
    """Halves the size: strided convolution beside max pooling (as in ENet), normalised, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Make a block; ``outputs - inputs`` channels come from the convolution."""
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs - inputs, 3, stride=2, padding=1)
        # ceil_mode changes nothing for even sizes and lets odd ones match the convolution
        self.pool = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.bn = nn.BatchNorm2d(outputs, eps=NORM_EPS)

    def forward(self, features: Tensor) -> Tensor:
        """Turn (N, inputs, h, w) into (N, outputs, ceil(h / 2), ceil(w / 2))."""
        both = torch.cat([self.conv(features), self.pool(features)], 1)
        return functional.relu(self.bn(both))


class NonBottleneck1d(nn.Module):
    """Residual block of 3x1 and 1x3 convolutions, the second pair dilated."""

    def __init__(self, channels: int, dropout: float, dilation: int) -> None:
        """Make a block that keeps size and ``channels``."""
        super().__init__()
        self.conv3x1_1 = nn.Conv2d(channels, channels, (3, 1), padding=(1, 0))
        self.conv1x3_1 = nn.Conv2d(channels, channels, (1, 3), padding=(0, 1))
        self.bn1 = nn.BatchNorm2d(channels, eps=NORM_EPS)
        self.conv3x1_2 = nn.Conv2d(
            channels, channels, (3, 1), padding=(dilation, 0), dilation=(dilation, 1)
        )
        self.conv1x3_2 = nn.Conv2d(
            channels, channels, (1, 3), padding=(0, dilation), dilation=(1, dilation)
        )
        self.bn2 = nn.BatchNorm2d(channels, eps=NORM_EPS)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        hidden = functional.relu(self.conv3x1_1(features))
        hidden = functional.relu(self.bn1(self.conv1x3_1(hidden)))
        hidden = functional.relu(self.conv3x1_2(hidden))
        hidden = self.dropout(self.bn2(self.conv1x3_2(hidden)))
        return functional.relu(hidden + features)


class UpsamplerBlock(nn.Module):
    """Doubles the size with a transposed convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Make a block from ``inputs`` to ``outputs`` channels."""
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
        self.bn = nn.BatchNorm2d(outputs, eps=NORM_EPS)

    def forward(self, features: Tensor) -> Tensor:
        """Turn (N, inputs, h, w) into (N, outputs, 2 h, 2 w)."""
        return functional.relu(self.bn(self.conv(features)))


class ErfEncoder(nn.Module):
    """Layers 1 to 16 of the paper's table I."""

    def __init__(self, layers: list[nn.Module]) -> None:
        """Put the given layers behind the initial block."""
        super().__init__()
        self.initial_block = DownsamplerBlock(3, 16)
        self.layers = nn.ModuleList(layers)

    def forward(self, images: Tensor) -> Tensor:
        """Turn (N, 3, H, W) images into (N, 128, ceil(H / 8), ceil(W / 8))."""
        features = self.initial_block(images)
        for layer in self.layers:
            features = layer(features)
        return features


class ErfDecoder(nn.Module):
    """Layers 17 to 23 of the paper's table I; the last one is a transposed convolution.

    Attributes:
        output_stride: Input pixels between neighbouring scores.
        level_widths: Channels of each of ``levels``.
    """

    output_stride = 1

    def __init__(self, layers: list[nn.Module], *, inputs: int, classes: int) -> None:
        """Put the scoring layer, ``inputs`` to ``classes`` channels, behind the given ones."""
        super().__init__()
        self.layers = nn.ModuleList(layers)
        coarser = (one.conv.in_channels for one in layers if isinstance(one, UpsamplerBlock))
        self.level_widths = (*coarser, inputs)
        self.output_conv = nn.ConvTranspose2d(inputs, classes, 2, stride=2)

    def forward(self, features: Tensor) -> Tensor:
        """Turn (N, 128, h, w) into (N, K, 8 h, 8 w) scores."""
        return self.score(self.levels(features)[-1])

    def levels(self, features: Tensor) -> list[Tensor]:
        """Return the features of each resolution, coarsest first."""
        levels = []
        for layer in self.layers:
            if isinstance(layer, UpsamplerBlock):
                levels.append(features)
            features = layer(features)
        return [*levels, features]

    def score(self, finest: Tensor) -> Tensor:
        """Turn the finest of ``levels`` into scores."""
        return self.output_conv(finest)
