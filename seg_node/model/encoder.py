# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite encoder.

EfficientNet (Tan and Le, 2019) without squeeze-and-excitation and with ReLU6 instead of swish, as
released under the name EfficientNet-Lite: made for integer inference. Modules are named as in the
``efficientnet-lite-pytorch`` package, so its ImageNet weights load without renaming.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn, Tensor

from seg_node.errors import BundleError
from seg_node.model.depthwise import DepthwiseConv

if TYPE_CHECKING:
    from collections.abc import Sequence

NORM_EPS = 1e-3  # the value the ImageNet weights were trained with
NORM_MOMENTUM = 0.01


@dataclass(frozen=True, slots=True)
class Stage:
    """A run of equal blocks; the first one changes resolution and width."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


class InvertedResidual(nn.Module):
    """Expand by 1x1, filter each channel, project by 1x1; add the input where shapes allow."""

    def __init__(self, inputs: int, stage: Stage, *, stride: int) -> None:
        """Make a block that turns ``inputs`` channels into ``stage.channels``."""
        super().__init__()
        hidden = inputs * stage.expansion
        self._expands = stage.expansion > 1
        if self._expands:
            self._expand_conv = nn.Conv2d(inputs, hidden, 1, bias=False)
            self._bn0 = _norm(hidden)
        self._depthwise_conv = DepthwiseConv(hidden, kernel=stage.kernel, stride=stride)
        self._bn1 = _norm(hidden)
        self._project_conv = nn.Conv2d(hidden, stage.channels, 1, bias=False)
        self._bn2 = _norm(stage.channels)
        self._relu = nn.ReLU6(inplace=True)
        self._adds = stride == 1 and inputs == stage.channels

    def forward(self, features: Tensor) -> Tensor:
        """Turn (N, inputs, h, w) into (N, channels, ceil(h / stride), ceil(w / stride))."""
        hidden = features
        if self._expands:
            hidden = self._relu(self._bn0(self._expand_conv(hidden)))
        hidden = self._relu(self._bn1(self._depthwise_conv(hidden)))
        hidden = self._bn2(self._project_conv(hidden))
        return features + hidden if self._adds else hidden


class LiteEncoder(nn.Module):
    """EfficientNet-Lite without its classifier.

    Attributes:
        channels: Width of each level of the pyramid that ``forward`` returns.
        strides: Distance in input pixels between neighbours on each level.
    """

    def __init__(self, *, stem: int, stages: Sequence[Stage], finest_stride: int) -> None:
        """Make the stem and all blocks.

        A level ends where the next stage halves the size; levels finer than ``finest_stride``
        are not returned.
        """
        super().__init__()
        self._conv_stem = nn.Conv2d(3, stem, 3, stride=2, padding=1, bias=False)
        self._bn0 = _norm(stem)
        self._relu = nn.ReLU6(inplace=True)
        blocks, levels, channels, strides = [], [], [], []
        width, stride = stem, 2
        for number, stage in enumerate(stages):
            for repeat in range(stage.blocks):
                step = stage.stride if repeat == 0 else 1
                blocks.append(InvertedResidual(width, stage, stride=step))
                width, stride = stage.channels, stride * step
            is_last = number + 1 == len(stages) or stages[number + 1].stride > 1
            if is_last and stride >= finest_stride:
                levels.append(len(blocks) - 1)
                channels.append(width)
                strides.append(stride)
        self._blocks = nn.ModuleList(blocks)
        self._levels = frozenset(levels)
        self._frozen: tuple[nn.Module, ...] = ()
        self.channels, self.strides = tuple(channels), tuple(strides)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Turn (N, 3, H, W) normalised images into a pyramid, finest level first.

        Returns:
            One (N, channels[i], ceil(H / strides[i]), ceil(W / strides[i])) map per level.
        """
        features = self._relu(self._bn0(self._conv_stem(images)))
        pyramid = []
        for number, block in enumerate(self._blocks):
            features = block(features)
            if number in self._levels:
                pyramid.append(features)
        return pyramid

    def freeze(self, blocks: int) -> None:
        """Keep weights and statistics of the stem and of the first ``blocks`` blocks from now on.

        Raises:
            BundleError: There are not so many blocks.
        """
        if not 0 <= blocks <= len(self._blocks):
            msg = f'The encoder has {len(self._blocks)} blocks; {blocks!r} cannot be frozen.'
            raise BundleError(msg)
        if blocks:
            self._frozen = (self._conv_stem, self._bn0, *list(self._blocks)[:blocks])
        for part in self._frozen:
            part.requires_grad_(requires_grad=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> LiteEncoder:  # noqa: FBT001, FBT002  # torch's signature
        """Switch between training and inference; what is frozen stays in inference."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPS, momentum=NORM_MOMENTUM)
