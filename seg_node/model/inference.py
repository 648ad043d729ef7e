# SPDX-License-Identifier: Apache-2.0
"""Make a trained network fast: normalisations folded into convolutions, weights in half."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import nn, Tensor
from torch.nn.utils.fusion import fuse_conv_bn_eval

from seg_node.bundle.half_weights import as_half

__all__ = ['for_inference']


@torch.inference_mode()
def for_inference(network: nn.Module, size: tuple[int, int], *, half: bool) -> nn.Module:
    """Return a copy of a network that computes the same, faster.

    Args:
        network: In evaluation mode; it is left as it was.
        size: Height and width of an input that it takes [px].
        half: Whether to compute in half precision.
    """
    copy = deepcopy(network)
    for convolution, norm in _pairs(copy, torch.zeros(1, 3, *size)):
        layer: Any = copy.get_submodule(convolution)
        statistics: Any = copy.get_submodule(norm)
        transposed = isinstance(layer, nn.ConvTranspose2d)
        fused = fuse_conv_bn_eval(layer, statistics, transpose=transposed)
        copy.set_submodule(convolution, fused)
        copy.set_submodule(norm, nn.Identity())
    if half:
        for module in copy.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                rounded = as_half(module.weight.numpy()).astype('float32')
                module.weight.copy_(torch.from_numpy(rounded))
        copy.half()
    return copy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _pairs(network: nn.Module, batch: Tensor) -> list[tuple[str, str]]:
    """Return the names of convolutions and of the normalisations that read their outputs."""
    makers: dict[int, tuple[str, Any]] = {}
    pairs = []
    hooks = []

    def note_maker(name: str) -> Any:
        def hook(_module: nn.Module, _given: Any, output: Tensor) -> None:
            makers[id(output)] = name, output  # kept, so that no other tensor gets its id

        return hook

    def note_reader(name: str) -> Any:
        def hook(_module: nn.Module, given: tuple[Tensor]) -> None:
            if id(given[0]) in makers:
                pairs.append((makers[id(given[0])][0], name))

        return hook

    for name, module in network.named_modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            hooks.append(module.register_forward_hook(note_maker(name)))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(note_reader(name)))
    network(batch)
    for one in hooks:
        one.remove()
    return pairs
