# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution that a CPU can train in bfloat16."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn, Tensor
from torch.nn import functional


class DepthwiseConv(nn.Conv2d):
    """One filter per channel; ``padding`` is half the kernel, without a bias.

    Under bfloat16 autocast on a CPU the gradient is taken in float32: oneDNN's bfloat16 gradient
    of a depthwise convolution takes four to eight times as long, and most of the whole step.
    """

    def __init__(self, channels: int, *, kernel: int, stride: int) -> None:
        """Make ``channels`` filters of an odd ``kernel`` size."""
        padding = kernel // 2
        super().__init__(
            channels, channels, kernel, stride, padding=padding, groups=channels, bias=False
        )

    def forward(self, features: Tensor) -> Tensor:
        """Turn (N, C, h, w) into (N, C, ceil(h / stride), ceil(w / stride))."""
        if not _is_bfloat16_on_cpu(features):
            return super().forward(features)
        scores: Tensor = _Depthwise.apply(
            features.bfloat16(), self.weight, self.stride, self.padding
        )
        return scores


class _Depthwise(torch.autograd.Function):
    """Bfloat16 forwards, float32 backwards."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, stride: Any, padding: Any) -> Tensor:
        ctx.save_for_backward(features, weight)
        ctx.geometry = (stride, padding)
        return functional.conv2d(
            features, weight.bfloat16(), None, stride, padding, groups=len(weight)
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        features, weight = ctx.saved_tensors
        stride, padding = ctx.geometry
        wanted = [*ctx.needs_input_grad[:2], False]
        of_features, of_weight, _ = torch.ops.aten.convolution_backward(
            gradients[0].float(),
            features.float(),
            weight,
            None,
            stride,
            padding,
            (1, 1),
            False,  # noqa: FBT003  # transposed
            (0, 0),
            len(weight),
            wanted,
        )
        return (None if of_features is None else of_features.bfloat16()), of_weight, None, None


def _is_bfloat16_on_cpu(features: Tensor) -> bool:
    return (
        features.device.type == 'cpu'
        and torch.is_autocast_enabled('cpu')
        and torch.get_autocast_dtype('cpu') == torch.bfloat16
    )
