# SPDX-License-Identifier: Apache-2.0
"""Write nodes and constants of an ONNX graph as one writes calls."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from onnx import NodeProto, TensorProto

__all__ = ['PREFIX', 'Writer']

PREFIX = 'deployed/'
REDUCED_BY_INPUT = 18  # the operator set from which all reductions take their axes as an input


class Writer:
    """Collects nodes; each method returns the name of the tensor that it adds.

    Attributes:
        nodes: In the order of writing, which is a topological one.
        constants: What they refer to.
    """

    def __init__(self, opset: int) -> None:
        """Start with nothing written.

        Args:
            opset: Operator set of the graph, at least 13.
        """
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._opset = opset

    def node(self, kind: str, *inputs: str, output: str = '', **attributes: Any) -> str:
        """Add an operator with one output, by default one with a name of ours."""
        name = output or f'{PREFIX}{kind}_{len(self.nodes)}'
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike) -> str:
        """Add a constant."""
        name = f'{PREFIX}constant_{len(self.constants)}'
        self.constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def ints(self, *values: int) -> str:
        """Add a constant of shape (n,) int64."""
        return self.constant(values, np.int64)

    def joined(self, *parts: str) -> str:
        """Join vectors, (n,) each."""
        return parts[0] if len(parts) == 1 else self.node('Concat', *parts, axis=0)

    def part(self, tensor: str, start: int, stop: int) -> str:
        """Cut [start, stop) out of a vector."""
        return self.node('Slice', tensor, self.ints(start), self.ints(stop), self.ints(0))

    def resized(self, maps: str, sizes: str) -> str:
        """Scale maps bilinearly, with half-pixel centres and without a low-pass filter.

        Args:
            maps: (N, C, h, w).
            sizes: (4,) int64, all of the new shape.
        """
        way = {'mode': 'linear', 'coordinate_transformation_mode': 'half_pixel'}
        return self.node('Resize', maps, '', '', sizes, **way)

    def reduced(self, kind: str, tensor: str, *, keep: bool) -> str:
        """Reduce the axis of the classes, 1."""
        if kind == 'ReduceSum' or self._opset >= REDUCED_BY_INPUT:
            return self.node(kind, tensor, self.ints(1), keepdims=int(keep))
        return self.node(kind, tensor, axes=[1], keepdims=int(keep))

    def chain(self, kind: str, tensors: Sequence[str]) -> str:
        """Join tensors by an operator of two."""
        first, *rest = tensors
        for other in rest:
            first = self.node(kind, first, other)
        return first
