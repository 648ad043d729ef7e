# SPDX-License-Identifier: Apache-2.0
"""The whole network: normalise, encode, decode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn, Tensor

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
        self.register_buffer('mean', torch.tensor(mean).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Score images of any size.

        Args:
            images: (N, 3, H, W) float32, RGB levels 0..255.

        Returns:
            (N, K, ceil(H / s), ceil(W / s)) float32 unnormalised scores, s = ``output_stride``.
        """
        features = self.encoder((images - self.mean) / self.std)
        scores: Tensor = self.decoder(features)
        height, width = (-(-int(side) // self.output_stride) for side in images.shape[-2:])
        if scores.shape[-2:] != (height, width):  # the size was no multiple of the coarsest stride
            scores = scores[..., :height, :width]
        return scores
