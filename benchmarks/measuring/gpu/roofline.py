# SPDX-License-Identifier: Apache-2.0
"""The least time that a network's layers could take on a device: what it is compared with.

Convolutions and matrix products alone, each limited by arithmetic or by reading and writing its
activations and weights once, in half precision: the sum of those limits. Everything else would
cost nothing on such a device.
"""

from __future__ import annotations

from typing import NamedTuple, TYPE_CHECKING

import numpy as np
import onnx

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['Peak', 'known_peak', 'roofline']

LAYERS = ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')
BYTES = 2  # of a number in half precision
# Measured with half-precision matrix products and copies: TFLOP/s and GB/s.
PEAKS = {'H200': (790.0, 4300.0)}


class Peak(NamedTuple):
    """What a device can do at most.

    Attributes:
        flops: Floating-point operations a second in half precision.
        bandwidth: Bytes a second to and from its memory.
        source: Where the numbers come from.
    """

    flops: float
    bandwidth: float
    source: str


def known_peak(device: str) -> Peak | None:
    """Return the peak of a device: of a known one, or measured by torch; None if neither can be.

    Args:
        device: Its name, for people.
    """
    for name, (tera, giga) in PEAKS.items():
        if name in device:
            return Peak(tera * 1e12, giga * 1e9, f'measured before on {name}')
    try:
        import torch  # noqa: PLC0415  # not needed for TensorRT
    except ImportError:
        return None
    return _measured(torch) if torch.cuda.is_available() else None


def roofline(path: Path, peak: Peak) -> float:
    """Return the least time of one image [s].

    Args:
        path: ONNX network with fixed sizes but for the batch.
        peak: Of the device.
    """
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    shapes = {
        one.name: [dim.dim_value or 1 for dim in one.type.tensor_type.shape.dim] for one in values
    }
    shapes.update({one.name: list(one.dims) for one in graph.initializer})
    return sum(_least_time(node, shapes, peak) for node in graph.node if node.op_type in LAYERS)


def _least_time(node: onnx.NodeProto, shapes: dict[str, list[int]], peak: Peak) -> float:
    data, weight, result = (shapes[name] for name in (*node.input[:2], node.output[0]))
    count = {
        'Conv': np.prod(result) * np.prod(weight[1:]),
        'ConvTranspose': np.prod(data) * np.prod(weight[1:]),
    }.get(node.op_type, np.prod(result) * data[-1])
    moved = BYTES * (np.prod(data) + np.prod(weight) + np.prod(result))
    return float(max(2 * count / peak.flops, moved / peak.bandwidth))


def _measured(torch: object) -> Peak:
    """Measure matrix products and copies, the best of many."""
    from torch.utils.benchmark import Timer  # noqa: PLC0415

    side = 8192
    names = {'torch': torch, 'side': side}
    product = Timer(
        'a @ b',
        "a, b = (torch.randn(side, side, device='cuda', dtype=torch.half) for _ in range(2))",
        globals=names,
    ).timeit(30)
    copy = Timer(
        'b.copy_(a)',
        "a, b = (torch.empty(1 << 30, device='cuda', dtype=torch.uint8) for _ in range(2))",
        globals=names,
    ).timeit(30)
    return Peak(2 * side**3 / product.mean, 2 * (1 << 30) / copy.mean, 'measured now by torch')
