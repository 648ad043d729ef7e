# SPDX-License-Identifier: Apache-2.0
"""The network of a bundle in 8-bit integers, in two files, because their readers' rules differ.

Quantisation after training, as in Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", 2018: weights per output channel, activations per
tensor, with ranges measured on images.

The first convolutions, the last layer and those behind a global pooling stay in float: they take
little time, and what they lose is lost for all layers behind them. Which layers, and how
ranges are found, was chosen by measurement; see ``docs/export.md``.
"""

from __future__ import annotations

from contextlib import redirect_stdout
from dataclasses import dataclass
import io
import math
from pathlib import Path
import tempfile
from typing import Any, TYPE_CHECKING

import onnx
from onnx import version_converter
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    quantize_static,
    QuantType,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from seg_node.bundle.bundle import INT8_CPU, INT8_TRT
from seg_node.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]

__all__ = ['CPU', 'TENSORRT', 'Rules', 'quantize']

IMAGE = 'image'
LEAST_OPSET = 13  # scales per channel
FLOAT_FIRST = 3
WEIGHTED = ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')
POOLING = ('GlobalAveragePool', 'ReduceMean')


@dataclass(frozen=True, slots=True)
class Rules:
    """What a reader of Q/DQ networks wants.

    Attributes:
        file: Name of the network in the bundle.
        reader: Who it is made for, in words.
        activations: Type of activations.
        reduced_range: Whether weights keep to 7 bits.
        operators: Kinds of nodes that compute in integers.
        method: How ranges of activations are found.
        options: Further options of ONNX Runtime's quantiser.
    """

    file: str
    reader: str
    activations: QuantType
    reduced_range: bool
    operators: tuple[str, ...]
    method: CalibrationMethod
    options: Mapping[str, Any]


CPU = Rules(
    INT8_CPU,
    'ONNX Runtime on a CPU: unsigned activations, weights of 7 bits, so that processors without '
    'VNNI do not saturate',
    QuantType.QUInt8,
    reduced_range=True,
    operators=('Conv', 'MatMul', 'Gemm', 'Add', 'Clip', 'Relu', 'Resize'),
    method=CalibrationMethod.MinMax,
    options={'MatMulConstBOnly': True},
)
TENSORRT = Rules(
    INT8_TRT,
    'TensorRT: signed, symmetric, zero point 0, biases in float',
    QuantType.QInt8,
    reduced_range=False,
    operators=('Conv', 'MatMul', 'Gemm', 'Add'),
    method=CalibrationMethod.Percentile,
    options={
        'CalibPercentile': 99.99,
        'ActivationSymmetric': True,
        'WeightSymmetric': True,
        'QuantizeBias': False,
        'MatMulConstBOnly': True,
    },
)


def quantize(source: Path, target: Path, rules: Rules, batches: Iterable[Float32Array]) -> None:
    """Write a network in 8-bit integers.

    Args:
        source: A network of ours in float, as in ``Bundle.onnx_path``.
        target: File to write.
        rules: ``CPU`` or ``TENSORRT``.
        batches: (1, 3, H, W) float32 RGB levels 0..255 of images that it was trained on; ranges
            of activations are measured on them.

    Raises:
        ExportError: The network has no layer that could compute in integers, or ONNX Runtime's
            quantiser fails on it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / 'prepared.onnx'
        try:
            _prepare(source, prepared)
            graph = onnx.load(prepared).graph
            _check_layers(graph, source)
            left = float_nodes(graph)
            if not rules.options.get('QuantizeBias', True):
                left += bias_nodes(graph)
            with redirect_stdout(io.StringIO()):  # it speaks of its histograms
                quantize_static(
                    str(prepared),
                    str(target),
                    _Reader(batches),
                    quant_format=QuantFormat.QDQ,
                    activation_type=rules.activations,
                    weight_type=QuantType.QInt8,
                    per_channel=True,
                    reduce_range=rules.reduced_range,
                    calibrate_method=rules.method,
                    op_types_to_quantize=list(rules.operators),
                    nodes_to_exclude=left,
                    extra_options={**rules.options, 'CalibStridedMinMax': 1},  # an image at a time
                )
        except ExportError:
            raise
        except Exception as err:  # the quantiser's errors have no common base class
            msg = (
                f'{str(source)!r} cannot be quantised by the rules of {rules.reader}: '
                f'{type(err).__name__}: {err}. Use it in fp32, or try another onnxruntime.'
            )
            raise ExportError(msg) from err


def float_nodes(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the nodes that stay in float.

    With the layers named above these are additions of a number, such as the epsilon of a layer
    normalisation: 8 bits of a variance are not enough, and TensorRT does not take such a number.
    """
    layers = _layers(graph)
    maker = {output: node for node in graph.node for output in node.output}
    pooled = [
        node
        for node in layers
        if node.input[0] in maker and maker[node.input[0]].op_type in POOLING
    ]
    numbers = {one.name for one in graph.initializer if math.prod(one.dims) == 1}
    offsets = [
        node for node in graph.node if node.op_type == 'Add' and not numbers.isdisjoint(node.input)
    ]
    return sorted({node.name for node in (*layers[:FLOAT_FIRST], *layers[-1:], *pooled, *offsets)})


def bias_nodes(graph: onnx.GraphProto) -> list[str]:
    """Return the names of additions of a constant: biases of layers that have no input for one."""
    constants = {one.name for one in graph.initializer}
    additions = [node for node in graph.node if node.op_type == 'Add']
    return [node.name for node in additions if constants & set(node.input)]


def _layers(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    return [node for node in graph.node if node.op_type in WEIGHTED]


def _check_layers(graph: onnx.GraphProto, source: Path) -> None:
    left = {node.name for node in _layers(graph)} - set(float_nodes(graph))
    if not left:
        msg = (
            f'{str(source)!r} has {len(_layers(graph))} layers with weights, and the first '
            f'{FLOAT_FIRST} and the last stay in float: nothing is left to quantise. Use it in '
            'fp32.'
        )
        raise ExportError(msg)


def _prepare(source: Path, target: Path) -> None:
    """Write the network with fused nodes, a name for each, and known shapes."""
    model = onnx.load(source)
    if next(one.version for one in model.opset_import if not one.domain) < LEAST_OPSET:
        model = version_converter.convert_version(model, LEAST_OPSET)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f'node{number}'
    onnx.save(model, target)
    quant_pre_process(str(target), str(target), skip_symbolic_shape=True)


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is not typed
    """Hands images to the quantiser, which asks for them one by one to save memory."""

    def __init__(self, batches: Iterable[Float32Array]) -> None:
        """Take the images."""
        self._batches = list(batches)
        self._left = iter(self._batches)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._batches)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Choose which images come next."""
        self._left = iter(self._batches[start_index:end_index])

    def get_next(self) -> dict[str, Float32Array] | None:
        """Return the next input by name, None at the end."""
        batch = next(self._left, None)
        return None if batch is None else {IMAGE: batch}
