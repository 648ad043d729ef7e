# SPDX-License-Identifier: Apache-2.0
"""The network of a bundle for larger images: the same weights, more work."""

from __future__ import annotations

from dataclasses import replace
from typing import cast, TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.export import export_bundle
from seg_node.model.weights import load_weights

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.bundle import Bundle
    from seg_node.model.network import SegNet

__all__ = ['at_size', 'filled_network', 'giga_macs']


def filled_network(bundle: Bundle) -> SegNet:
    """Return the network of a bundle with its weights, in evaluation mode."""
    network = build_network(NetConfig.from_dict(bundle.manifest.architecture)).eval()
    load_weights(network, bundle.weights_path)
    return network


def at_size(bundle: Bundle, size: tuple[int, int], folder: Path) -> Bundle:
    """Export the network of a bundle for an input of (height, width) px into a new folder."""
    manifest = replace(
        bundle.manifest,
        input=replace(bundle.manifest.input, height=size[0], width=size[1]),
        precision='fp32',
        files={},
        quality={},
    )
    noise = np.random.default_rng(0).uniform(0, 255, (1, 3, *size)).astype(np.float32)
    return export_bundle(filled_network(bundle), manifest, folder, [noise])


def giga_macs(network: nn.Module, size: tuple[int, int]) -> float:
    """Return the multiplications of all convolutions for one (height, width) input [10^9]."""
    counts: list[int] = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        values = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        counts.append(values.numel() * cast('torch.Tensor', layer.weight)[0].numel())

    layers = [one for one in network.modules() if isinstance(one, (nn.Conv2d, nn.ConvTranspose2d))]
    handles = [layer.register_forward_hook(count) for layer in layers]
    with torch.no_grad():
        network(torch.zeros(1, 3, *size))
    for handle in handles:
        handle.remove()
    return sum(counts) / 1e9
