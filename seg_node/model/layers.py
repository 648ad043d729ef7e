# SPDX-License-Identifier: Apache-2.0
"""Building blocks shared by the networks."""

from __future__ import annotations

from torch import nn, Tensor
from torch.nn import functional


class ConvNormRelu(nn.Sequential):
    """Convolution, batch normalisation and ReLU, one bias less.

    Size is kept (padding is half the kernel); ReLU fuses into the convolution in int8 engines.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int) -> None:
        """Make a block from ``inputs`` to ``outputs`` channels with an odd ``kernel`` size."""
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


def resize_like(features: Tensor, reference: Tensor) -> Tensor:
    """Resize (N, C, h, w) bilinearly to the height and width of ``reference``."""
    size = reference.shape[-2:]
    return functional.interpolate(features, size=size, mode='bilinear', align_corners=False)
