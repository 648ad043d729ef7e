# SPDX-License-Identifier: Apache-2.0
"""The whole network: normalise, encode, decode."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import torch
from torch import nn, Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence


class SegNet(nn.Module):
    """Scores every class on a grid of ``output_stride`` pixels.

    The mean and standard deviation are buffers of the network, so exported models carry them and
    no engine can forget them.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        *,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        """Join the parts.

        Args:
            encoder: Turns normalised images into whatever the decoder takes.
            decoder: Ends in a transposed convolution and has an ``output_stride``.
            mean: Of the RGB levels 0..255, per channel.
            std: Of the RGB levels 0..255, per channel.
        """
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.output_stride = int(decoder.output_stride)  # type: ignore[arg-type]
        self._block = 1
        self.register_buffer('mean', torch.tensor(mean).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).reshape(1, 3, 1, 1), persistent=False)

    def coarsen(self, output_stride: int) -> None:
        """Give one score per ``output_stride`` pixels from now on: the mean of finer ones.

        A mean of scores is linear, so it lies where a block of finer scores lay, and no weight
        changes.

        Args:
            output_stride: The network's own one, or a multiple of it.

        Raises:
            ValueError: If it is something else.
        """
        finest = self.output_stride // self._block
        if output_stride < finest or output_stride % finest:
            msg = f'Scores come at stride {finest}; {output_stride!r} is no multiple of that.'
            raise ValueError(msg)
        self._block = output_stride // finest
        self.output_stride = output_stride

    def forward(self, images: Tensor) -> Tensor:
        """Score images of any size.

        Args:
            images: (N, 3, H, W) float32, RGB levels 0..255.

        Returns:
            (N, K, ceil(H / s), ceil(W / s)) float32 unnormalised scores, s = ``output_stride``;
            after ``coarsen`` H and W have to be multiples of s.
        """
        scores = self._cut(self.decoder(self._features(images)), images)
        return functional.avg_pool2d(scores, self._block) if self._block > 1 else scores

    def forward_with_levels(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Score images and return the decoder's coarser levels as well, for training alone.

        Args:
            images: (N, 3, H, W) float32, RGB levels 0..255.

        Returns:
            The scores, as from ``forward``, and (N, C, h, w) features, coarsest first.
        """
        *coarser, finest = self.decoder.levels(self._features(images))  # type: ignore[operator]
        return self._cut(self.decoder.score(finest), images), coarser  # type: ignore[operator]

    def _features(self, images: Tensor) -> Any:
        return self.encoder((images - self.mean) / self.std)

    def _cut(self, scores: Tensor, images: Tensor) -> Tensor:
        """Cut off what an image whose size is no multiple of the coarsest stride lacks."""
        stride = self.output_stride // self._block
        height, width = (-(-int(side) // stride) for side in images.shape[-2:])
        return scores if scores.shape[-2:] == (height, width) else scores[..., :height, :width]
