# SPDX-License-Identifier: Apache-2.0
"""Skip decoder: a feature pyramid that ends in a transposed convolution with one filter per class.

The top-down path with lateral 1x1 convolutions is that of feature pyramid networks (Lin et al.,
2017), narrowed as in SwiftNet (Orsic et al., 2019); the image-level context is that of ParseNet
(Liu et al., 2015).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn, Tensor

from seg_node.model.layers import ConvNormRelu, resize_like

if TYPE_CHECKING:
    from collections.abc import Sequence


class SkipDecoder(nn.Module):
    """Merges the levels of a pyramid from coarse to fine and scores the finest one.

    Attributes:
        output_stride: Input pixels between neighbouring scores.
        level_widths: Channels of each of ``levels``.
    """

    def __init__(
        self,
        *,
        channels: Sequence[int],
        strides: Sequence[int],
        widths: Sequence[int],
        classes: int,
        output_stride: int = 2,
    ) -> None:
        """Make one lateral and one merging convolution per level.

        Args:
            channels: Width of each pyramid level, finest first.
            strides: Stride of each pyramid level, finest first.
            widths: Width of the decoder at each level, finest first.
            classes: Number of score planes.
            output_stride: Input pixels between neighbouring scores: the finest level's stride, or
                half of it.
        """
        super().__init__()
        top, *skips = list(zip(channels, widths, strict=True))[::-1]
        self.context = nn.Conv2d(top[0], top[1], 1)
        self.top = ConvNormRelu(*top, kernel=1)
        self.laterals = nn.ModuleList([nn.Conv2d(inputs, width, 1) for inputs, width in skips])
        coarser = [top[1], *(width for _, width in skips)]
        self.narrow = nn.ModuleList(
            [
                nn.Identity() if above == width else nn.Conv2d(above, width, 1)
                for above, (_, width) in zip(coarser, skips, strict=False)
            ]
        )
        self.merges = nn.ModuleList([ConvNormRelu(width, width, kernel=3) for _, width in skips])
        self.dropout = nn.Dropout2d(0.1)
        step = strides[0] // output_stride
        self.head = nn.ConvTranspose2d(coarser[-1], classes, 2 + step, stride=step, padding=1)
        self.output_stride = output_stride
        self.level_widths = tuple(coarser)

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Turn a pyramid, finest level first, into (N, K, h, w) scores at ``output_stride``."""
        return self.score(self.levels(pyramid)[-1])

    def levels(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """Return the merged features of each level of a pyramid, coarsest first."""
        top, *skips = list(pyramid)[::-1]
        merged = self.top(top) + self.context(top.mean(dim=(2, 3), keepdim=True))
        levels = [merged]
        for skip, lateral, narrow, merge in zip(
            skips, self.laterals, self.narrow, self.merges, strict=True
        ):
            merged = merge(resize_like(narrow(merged), skip) + lateral(skip))
            levels.append(merged)
        return levels

    def score(self, finest: Tensor) -> Tensor:
        """Turn the finest of ``levels`` into scores."""
        return self.head(self.dropout(finest))
