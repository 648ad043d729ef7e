# SPDX-License-Identifier: Apache-2.0
"""Networks in integers keep the rules of their readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import onnxruntime
import pytest

from layers import layered_onnx
from seg_node.bundle.int8 import CPU, float_nodes, quantize, Rules, TENSORRT
from seg_node.errors import ExportError
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

QUANTIZED = {'conv3', 'conv4', 'conv5'}


def batches(count: int = 3) -> list[npt.NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return [rng.uniform(0, 255, (1, 3, *tiny.SIZE)).astype(np.float32) for _ in range(count)]


def scores_of(path: Path, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    (scores,) = session.run(['scores'], {'image': batch})
    return np.asarray(scores, np.float32)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / 'model.onnx'
    path.write_bytes(layered_onnx())
    return path


def quantized(source: Path, rules: Rules) -> tuple[onnx.GraphProto, Path]:
    target = source.with_name(rules.file)
    quantize(source, target, rules, batches())
    return onnx.load(target).graph, target


def test_additions_of_a_number_stay_in_float_and_those_of_maps_do_not() -> None:
    """The epsilon of a layer normalisation: TensorRT refuses such a number in integers."""
    nodes = [
        helper.make_node('Add', ['x', 'epsilon'], ['y'], name='offset'),
        helper.make_node('Add', ['y', 'bias'], ['z'], name='bias'),
        helper.make_node('Add', ['y', 'z'], ['out'], name='shortcut'),
    ]
    weights = {'epsilon': np.float32(1e-5), 'bias': np.ones(3, np.float32)}
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in ('x', 'out')
    ]
    constants = [numpy_helper.from_array(np.asarray(one), name) for name, one in weights.items()]
    graph = helper.make_graph(nodes, 'additions', ports[:1], ports[1:], constants)

    assert float_nodes(graph) == ['offset']


@pytest.mark.parametrize('rules', [CPU, TENSORRT], ids=lambda rules: rules.file)
def test_integers_compute_nearly_the_same(source: Path, rules: Rules) -> None:
    _, target = quantized(source, rules)
    batch = batches(1)[0]

    got, expected = scores_of(target, batch), scores_of(source, batch)

    assert got.shape == expected.shape
    step = (expected.max() - expected.min()) / 255
    assert np.abs(got - expected).max() < 5 * step  # three layers and two more roundings
    assert not np.array_equal(got, expected)


@pytest.mark.parametrize('rules', [CPU, TENSORRT], ids=lambda rules: rules.file)
def test_first_layers_and_the_last_stay_in_float(source: Path, rules: Rules) -> None:
    graph, _ = quantized(source, rules)
    maker = {output: node.op_type for node in graph.node for output in node.output}

    from_integers = {
        node.name
        for node in graph.node
        if maker.get(node.input[1:2][0] if node.input[1:2] else '') == 'DequantizeLinear'
    }

    assert {name for name in from_integers if name.startswith(('conv', 'head'))} == QUANTIZED


def test_zero_points_for_tensorrt_are_zero_and_all_types_are_signed(source: Path) -> None:
    graph, _ = quantized(source, TENSORRT)
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    ends = [node for node in graph.node if node.op_type in ('QuantizeLinear', 'DequantizeLinear')]

    zeros = [constants[node.input[2]] for node in ends]

    assert zeros
    assert all(zero.dtype == np.int8 and not zero.any() for zero in zeros)


def test_biases_for_tensorrt_stay_in_float_where_they_are_additions(source: Path) -> None:
    """Its builder refuses integer constants elsewhere than in weights."""
    model = onnx.load(source)
    height, width = tiny.SIZE[0] // 4, tiny.SIZE[1] // 4  # of one channel, it would be fused
    bias = numpy_helper.from_array(np.ones((1, 3, height, width), np.float32), 'bias')
    model.graph.initializer.append(bias)
    place = next(at for at, node in enumerate(model.graph.node) if node.name == 'conv4')
    reader = model.graph.node[place]
    addition = onnx.helper.make_node('Add', [reader.input[0], 'bias'], ['biased'], name='addition')
    reader.input[0] = 'biased'
    model.graph.node.insert(place, addition)
    onnx.save(model, source)

    graph, _ = quantized(source, TENSORRT)

    constants = {one.name: one.data_type for one in graph.initializer}
    added = next(node for node in graph.node if node.op_type == 'Add')
    assert [constants.get(name) for name in added.input][1] == onnx.TensorProto.FLOAT


def test_activations_for_the_cpu_are_unsigned_and_weights_keep_to_seven_bits(source: Path) -> None:
    graph, _ = quantized(source, CPU)
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    activations = [
        constants[node.input[2]].dtype for node in graph.node if node.op_type == 'QuantizeLinear'
    ]
    weights = [one for one in constants.values() if one.dtype == np.int8 and one.ndim == 4]

    assert activations
    assert set(activations) == {np.dtype(np.uint8)}
    assert len(weights) == len(QUANTIZED)
    assert all(np.abs(one.astype(int)).max() <= 64 for one in weights)


def test_layers_behind_a_global_pooling_stay_in_float() -> None:
    names = [('Conv', 'a', 'x0', 'x1'), ('Conv', 'b', 'x1', 'x2'), ('Conv', 'c', 'x2', 'x3')]
    names += [('Conv', 'd', 'x3', 'x4'), ('GlobalAveragePool', 'p', 'x4', 'x5')]
    names += [('Conv', 'e', 'x5', 'x6'), ('Conv', 'f', 'x6', 'x7'), ('Conv', 'g', 'x7', 'x8')]
    nodes = [onnx.helper.make_node(kind, [i, 'w'], [o], name=n) for kind, n, i, o in names]
    graph = onnx.helper.make_graph(nodes, 'pooled', [], [])

    assert float_nodes(graph) == ['a', 'b', 'c', 'e', 'g']


@pytest.mark.parametrize('rules', [CPU, TENSORRT], ids=lambda rules: rules.file)
def test_a_network_with_nothing_to_quantize_is_refused(tmp_path: Path, rules: Rules) -> None:
    source = tmp_path / 'model.onnx'
    source.write_bytes(tiny.tiny_onnx())

    with pytest.raises(ExportError, match=r'1 layers with weights.*nothing is left'):
        quantize(source, tmp_path / 'out.onnx', rules, batches())


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    source = tmp_path / 'model.onnx'
    source.write_bytes(b'no network')

    with pytest.raises(ExportError, match='cannot be quantised'):
        quantize(source, tmp_path / 'out.onnx', CPU, batches())
