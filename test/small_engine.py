# SPDX-License-Identifier: Apache-2.0
"""Real engines of NVIDIA's library, built in a fraction of a second and without a GPU."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

from seg_node.engines.tensorrt.builder import build_engine
from seg_node.engines.tensorrt.library import find_library
from seg_node.engines.tensorrt.tensors import Tensor

HEIGHT, WIDTH, CLASSES = 32, 64, 8
TENSORS = (
    Tensor('image', is_input=True, dtype='uint8', shape=(-1, HEIGHT, WIDTH, 3)),
    Tensor('labels', is_input=False, dtype='uint8', shape=(-1, HEIGHT, WIDTH)),
)
PROFILE = {
    'image': ((1, HEIGHT, WIDTH, 3), (1, HEIGHT, WIDTH, 3), (4, HEIGHT, WIDTH, 3)),
}


def small_onnx(seed: int = 0) -> bytes:
    """Return a network of one layer: uint8 images (N, H, W, 3) to uint8 labels (N, H, W)."""
    weights = np.random.default_rng(seed).normal(size=(CLASSES, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node('Cast', ['image'], ['levels'], to=TensorProto.FLOAT),
        helper.make_node('Transpose', ['levels'], ['planes'], perm=[0, 3, 1, 2]),
        helper.make_node('Conv', ['planes', 'weights'], ['scores'], pads=[1, 1, 1, 1]),
        helper.make_node('ArgMax', ['scores'], ['winners'], axis=1, keepdims=0),
        helper.make_node('Cast', ['winners'], ['labels'], to=TensorProto.UINT8),
    ]
    graph = helper.make_graph(
        nodes,
        'small',
        [helper.make_tensor_value_info('image', TensorProto.UINT8, ['N', HEIGHT, WIDTH, 3])],
        [helper.make_tensor_value_info('labels', TensorProto.UINT8, ['N', HEIGHT, WIDTH])],
        [numpy_helper.from_array(weights, 'weights')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@lru_cache
def small_engine(seed: int = 0) -> bytes:
    """Return the network as TensorRT for RTX builds it."""
    return build_engine(find_library('tensorrt_rtx'), small_onnx(seed), TENSORS, profile=PROFILE)
