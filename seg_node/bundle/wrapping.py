# SPDX-License-Identifier: Apache-2.0
"""Nodes around a foreign network, so that RGB levels go in and scores come out.

Everything of the foreign network carries the prefix ``net/``, so no name of ours can clash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

from seg_node.errors import BundleError, one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ['PREFIX', 'Head', 'Tail', 'find_output', 'wrap']

PREFIX = 'net/'
IMAGE, SCORES = 'image', 'scores'
KINDS = {'tensor(float)': TensorProto.FLOAT, 'tensor(float16)': TensorProto.FLOAT16}
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
SMALLEST = 1e-7  # probability; its logarithm is -16
RANK = 4


@dataclass(frozen=True, slots=True)
class Head:
    """What is done to RGB levels 0..255 before a network gets them.

    Attributes:
        mean: Subtracted, in the order R, G, B.
        std: Divides, in the order R, G, B.
        bgr: Whether the network wants blue first.
        kind: Type of its input, as ONNX Runtime calls it.
        size: Height and width of its input [px].
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool
    kind: str
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tail:
    """What is done to a network's output.

    Attributes:
        logarithm: It gives probabilities; their logarithm is taken.
        resize: Height and width that the scores are scaled to; None to leave them.
        given: Number of classes, height and width that the network gives.
    """

    logarithm: bool
    resize: tuple[int, int] | None
    given: tuple[int, int, int]

    def expected(self, scores: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Compute the same without ONNX, on (1, K, h, w)."""
        values = scores.astype(np.float32)
        if self.logarithm:
            values = np.log(np.maximum(values, np.float32(SMALLEST)))
        if self.resize is None:
            return values
        planes = [cv2.resize(plane, self.resize[::-1]) for plane in values[0]]
        return np.stack(planes)[None].astype(np.float32)


def find_output(model: onnx.ModelProto, name: str) -> str:
    """Return the name of the tensor with the scores.

    Args:
        model: With the prefix on all names.
        name: Without the prefix; any tensor of the network. Empty for the only output.

    Raises:
        BundleError: There is no such tensor, or there are several outputs to choose from.
    """
    outputs = [one.name for one in model.graph.output]
    if name:
        known = {*outputs, *(one for node in model.graph.node for one in node.output)}
        if PREFIX + name not in known:
            raise BundleError(one_of('output', name, (one[len(PREFIX) :] for one in outputs)))
        return PREFIX + name
    likely = [one.name for one in model.graph.output if _could_be_scores(one)]
    if len(outputs) > 1 and len(likely) != 1:
        listed = ', '.join(one[len(PREFIX) :] for one in outputs)
        msg = f'The network has the outputs {listed}; say with --output which one has the scores.'
        raise BundleError(msg)
    return str((likely or outputs)[0])


def _could_be_scores(tensor: onnx.ValueInfoProto) -> bool:
    kind = tensor.type.tensor_type
    return kind.elem_type in FLOATS and len(kind.shape.dim) in (0, RANK)


def wrap(model: onnx.ModelProto, output: str, head: Head, tail: Tail) -> onnx.ModelProto:
    """Return the network with our names, our normalisation and our kind of scores.

    Args:
        model: With the prefix on all names; not changed.
        output: Name of the tensor with its scores.
        head: What is done to images.
        tail: What is done to scores.
    """
    wrapped = onnx.ModelProto()
    wrapped.CopyFrom(model)
    graph = wrapped.graph
    constants = {one.name for one in graph.initializer}
    inner = next(one for one in graph.input if one.name not in constants)
    before, made = _before(inner.name, head)
    behind, more = _behind(output, tail)
    nodes = [*before, *_needed(graph.node, output), *behind]
    image, scores = _interface(inner, head, tail)
    kept = [one for one in graph.input if one.name != inner.name]
    for field, values in (
        (graph.node, nodes),
        (graph.input, [image, *kept]),
        (graph.output, [scores]),
    ):
        copies = [type(one).FromString(one.SerializeToString()) for one in values]
        del field[:]
        field.extend(copies)
    del graph.value_info[:]  # sizes that were open are known now
    graph.initializer.extend([numpy_helper.from_array(v, k) for k, v in {**made, **more}.items()])
    onnx.checker.check_model(wrapped)
    return wrapped


def _before(name: str, head: Head) -> tuple[list[onnx.NodeProto], dict[str, npt.NDArray[Any]]]:
    """Return the nodes from RGB levels to what the network wants, and their constants."""
    shape = (1, 3, 1, 1)
    constants: dict[str, npt.NDArray[Any]] = {
        'mean': np.asarray(head.mean, np.float32).reshape(shape),
        'std': np.asarray(head.std, np.float32).reshape(shape),
    }
    nodes = [
        helper.make_node('Sub', [IMAGE, 'mean'], ['centred']),
        helper.make_node('Div', ['centred', 'std'], ['normalised']),
    ]
    last = 'normalised'
    if head.bgr:
        constants['blue_first'] = np.array([2, 1, 0], np.int64)
        nodes.append(helper.make_node('Gather', [last, 'blue_first'], ['swapped'], axis=1))
        last = 'swapped'
    nodes.append(helper.make_node('Cast', [last], [name], to=KINDS[head.kind]))
    return nodes, constants


def _behind(output: str, tail: Tail) -> tuple[list[onnx.NodeProto], dict[str, npt.NDArray[Any]]]:
    """Return the nodes from the network's output to scores, and their constants."""
    nodes = [helper.make_node('Cast', [output], ['given'], to=TensorProto.FLOAT)]
    constants: dict[str, npt.NDArray[Any]] = {}
    last = 'given'
    if tail.logarithm:
        constants['smallest'] = np.array(SMALLEST, np.float32)
        nodes.append(helper.make_node('Max', [last, 'smallest'], ['possible']))
        nodes.append(helper.make_node('Log', ['possible'], ['logarithm']))
        last = 'logarithm'
    if tail.resize:
        factors = [_factor(*one) for one in zip(tail.given[1:], tail.resize, strict=True)]
        constants['factors'] = np.array([1.0, 1.0, *factors], np.float32)
        way = {'mode': 'linear', 'coordinate_transformation_mode': 'half_pixel'}
        nodes.append(helper.make_node('Resize', [last, '', 'factors'], ['resized'], **way))
        last = 'resized'
    nodes.append(helper.make_node('Identity', [last], [SCORES]))
    return nodes, constants


def _factor(given: int, wanted: int) -> float:
    """Return the factor with which a reader, who rounds down, comes to the wanted side."""
    exact = wanted / given
    return exact if int(np.float32(exact) * given) == wanted else (wanted + 1e-3) / given


def _needed(nodes: Sequence[onnx.NodeProto], output: str) -> list[onnx.NodeProto]:
    """Return the nodes that the output depends on, in their order."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted.update(node.input)
            wanted.update(_captured(node))
    return kept[::-1]


def _captured(node: onnx.NodeProto) -> set[str]:
    """Return the names that a node's sub-graphs may take from outside."""
    names: set[str] = set()
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                names |= {*inner.input, *_captured(inner)}
            names |= {one.name for one in graph.output}
    return names


def _interface(
    inner: onnx.ValueInfoProto, head: Head, tail: Tail
) -> tuple[onnx.ValueInfoProto, onnx.ValueInfoProto]:
    """Return our input and output; the batch stays as open or fixed as it was."""
    first = inner.type.tensor_type.shape.dim[0]
    batch = first.dim_value if first.HasField('dim_value') else 'N'
    image = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [batch, 3, *head.size])
    sides = [batch, tail.given[0], *(tail.resize or tail.given[1:])]
    return image, helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, sides)
