# SPDX-License-Identifier: Apache-2.0
"""A bundle of each family of networks with random weights, in float and in int8 for TensorRT."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from seg_node.bundle import write_bundle
from seg_node.bundle.int8 import quantize, TENSORRT
from seg_node.model import segformer
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.export import export_onnx
from seg_node.model.segformer import Size
from seg_node.model.weights import save_weights
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from seg_node.bundle import Bundle

SIZE = (64, 96)
SMALL = Size(depths=(1, 1, 1, 1), widths=(8, 16, 40, 64), decoder=16)


def family_bundle(family: str, folder: Path, patch: pytest.MonkeyPatch) -> Bundle:
    """Write a bundle in float, in int8 for TensorRT and for torch; SegFormer is thinned out.

    Args:
        family: Of networks.
        folder: Where everything goes.
        patch: Undone when the bundle is no longer needed.
    """
    patch.setitem(segformer.SIZES, 'segformer-b0', SMALL)
    torch.manual_seed(0)
    config = NetConfig(family, 3)
    network = build_network(config).eval()
    model, integers = folder / 'model.onnx', folder / TENSORRT.file
    weights = folder / 'weights.safetensors'
    export_onnx(network, model, SIZE)
    save_weights(network, weights)
    batch = np.random.default_rng(0).uniform(0, 255, (1, 3, *SIZE)).astype(np.float32)
    quantize(model, integers, TENSORRT, [batch])
    manifest = replace(
        tiny.tiny_manifest(SIZE, family),
        architecture=config.to_dict(),
        output_stride=network.output_stride,
    )
    files = (model, integers, weights)
    return write_bundle(folder / 'bundle', manifest, {one.name: one for one in files})
