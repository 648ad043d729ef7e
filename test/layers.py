# SPDX-License-Identifier: Apache-2.0
"""The tiny network with enough layers that some of them may compute in integers."""

from __future__ import annotations

import numpy as np
from onnx import helper, numpy_helper, TensorProto

from tiny import GAIN, OUTPUT_STRIDE, SIZE

CONVOLUTIONS = 6


def layered_onnx(size: tuple[int, int] = SIZE, *, noise: float = 0.0) -> bytes:
    """Return a network that gives each pixel the class of its brightest channel, in six layers.

    Args:
        size: Height and width of the input [px].
        noise: Of the weights between the first and the last layer; what it costs is up to luck.
    """
    rng = np.random.default_rng(0)
    height, width = size
    head = np.zeros((3, 3, 2, 2), np.float32)
    head[range(3), range(3)] = GAIN
    weights = {'head': head, 'mean': np.full((1, 3, 1, 1), 127, np.float32)}
    nodes = [
        helper.make_node('Sub', ['image', 'mean'], ['x0']),
        helper.make_node('AveragePool', ['x0'], ['y0'], kernel_shape=[4, 4], strides=[4, 4]),
    ]
    for number in range(CONVOLUTIONS):
        kernel = np.eye(3, dtype=np.float32)[:, :, None, None]
        inner = number not in (0, CONVOLUTIONS - 1)
        kernel += (rng.normal(0, noise, kernel.shape) * inner).astype(np.float32)
        weights[f'w{number}'] = kernel
        names = [f'y{number}', f'w{number}'], [f'y{number + 1}']
        nodes.append(helper.make_node('Conv', *names, name=f'conv{number}'))
    last = [f'y{CONVOLUTIONS}', 'head']
    nodes.append(helper.make_node('ConvTranspose', last, ['scores'], name='head', strides=[2, 2]))
    image = helper.make_tensor_value_info('image', TensorProto.FLOAT, ['n', 3, height, width])
    shape: list[str | int | None] = ['n', 3, height // OUTPUT_STRIDE, width // OUTPUT_STRIDE]
    scores = helper.make_tensor_value_info('scores', TensorProto.FLOAT, shape)
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, 'layers', [image], [scores], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    return bytes(model.SerializeToString())
