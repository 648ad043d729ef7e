# SPDX-License-Identifier: Apache-2.0
"""A network's ONNX graph in half precision, but for what must stay exact.

Scale factors and whatever else decides about shapes stay in float32, and so does what turns the
outputs of an imported network into scores: the logarithm of a probability below 6e-5 would lose
most of its digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import numpy_helper, TensorProto

from seg_node.bundle.half_weights import as_half, LARGEST
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from onnx import AttributeProto, GraphProto, NodeProto

__all__ = ['to_half']

LARGEST_WEIGHT_RANK = 1  # a single number beyond the range means "infinite", not a weight
FINISHING = ('Identity', 'Log', 'Max', 'Resize')
EXACT_INPUTS = {
    'ConstantOfShape': (0,),
    'Expand': (1,),
    'Pad': (1,),
    'Range': (0, 1, 2),
    'Reshape': (1,),
    'Resize': (1, 2, 3),
    'Slice': (1, 2, 3, 4),
    'Tile': (1,),
}
"""Inputs that decide about the shape of the output."""


def to_half(graph: GraphProto) -> None:
    """Turn a graph from float32 to float16, in place.

    Args:
        graph: With inputs and outputs in float32; its inputs must be given in float16 from now on,
            and its outputs come in float16, or in float32 where the last steps are kept exact.

    Raises:
        EngineError: If a weight is beyond the range of half precision.
    """
    exact = [*_shape_nodes(graph), *_finish(graph)]
    kept = {node.output[0] for node in exact}
    constants = {one.name: one for one in graph.initializer}
    shared = {name for node in exact for name in node.input} | set(_exact_inputs(graph.node))
    shared &= set(constants)
    halves: dict[str, TensorProto] = {}
    for node in graph.node:
        if node.output[0] not in kept:
            _convert(node, constants, shared, halves)
    for tensor in constants.values():
        if tensor.name not in shared:
            _halve(tensor)
    graph.initializer.extend(halves.values())
    del graph.value_info[:]  # they name the types from before


def _convert(
    node: NodeProto,
    constants: dict[str, TensorProto],
    shared: set[str],
    halves: dict[str, TensorProto],
) -> None:
    """Turn a node to half, and let it read halves of constants that others need in full."""
    for attribute in node.attribute:
        _convert_attribute(node, attribute)
    for place, name in enumerate(node.input):
        is_exact = place in EXACT_INPUTS.get(node.op_type, ())
        if name not in shared or is_exact or constants[name].data_type != TensorProto.FLOAT:
            continue
        if name not in halves:
            halves[name] = TensorProto()
            halves[name].CopyFrom(constants[name])
            halves[name].name = f'{name}/half'
            _halve(halves[name])
        node.input[place] = f'{name}/half'


def _convert_attribute(node: NodeProto, attribute: AttributeProto) -> None:
    """Turn what a node says about types, and the graphs within it."""
    if attribute.name in ('to', 'dtype') and attribute.i == TensorProto.FLOAT:
        attribute.i = TensorProto.FLOAT16
    elif attribute.name == 'value' and attribute.HasField('t'):
        _halve(attribute.t)
    elif node.op_type == 'Constant' and attribute.name in ('value_float', 'value_floats'):
        values = attribute.f if attribute.name == 'value_float' else list(attribute.floats)
        attribute.Clear()
        attribute.name, attribute.type = 'value', attribute.TENSOR
        attribute.t.CopyFrom(numpy_helper.from_array(np.array(values, np.float32)))
        _halve(attribute.t)
    for inner in (attribute.g, *attribute.graphs):
        if inner.node:
            to_half(inner)


def _halve(tensor: TensorProto) -> None:
    """Turn a tensor to half where it is float32."""
    if tensor.data_type != TensorProto.FLOAT:
        return
    values = numpy_helper.to_array(tensor)
    largest = float(np.abs(values).max(initial=0.0))
    if values.ndim > LARGEST_WEIGHT_RANK and largest > LARGEST:
        msg = (
            f'Tensor {tensor.name!r} of the network holds {largest:g}; half precision ends at '
            f'{LARGEST:g}. Run it in fp32.'
        )
        raise EngineError(msg)
    tensor.CopyFrom(numpy_helper.from_array(as_half(values), tensor.name))


def _shape_nodes(graph: GraphProto) -> list[NodeProto]:
    """Return the nodes that decide about shapes, among them constants that are nodes."""
    makers = {output: node for node in graph.node for output in node.output}
    waiting = list(_exact_inputs(graph.node))
    found: dict[str, NodeProto] = {}
    while waiting:
        name = waiting.pop()
        if name in makers and name not in found:
            found[name] = makers[name]
            if found[name].op_type != 'Shape':  # what is behind it is data
                waiting.extend(found[name].input)
    return list(found.values())


def _exact_inputs(nodes: Iterable[NodeProto]) -> Iterator[str]:
    for node in nodes:
        for place in EXACT_INPUTS.get(node.op_type, ()):
            if place < len(node.input):
                yield node.input[place]


def _finish(graph: GraphProto) -> Sequence[NodeProto]:
    """Return the last nodes of an imported network, from where it was cast to float32."""
    makers = {output: node for node in graph.node for output in node.output}
    found = []
    node = makers.get(graph.output[0].name)
    while node is not None and node.op_type in FINISHING:
        found.append(node)
        node = makers.get(node.input[0])
    is_cast = node is not None and node.op_type == 'Cast'
    return [*found, node] if is_cast and node else []
