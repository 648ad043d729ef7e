# SPDX-License-Identifier: Apache-2.0
"""Scale bytes in a graph to the bit as OpenCV does: see ``imaging.taps``; floats hold the sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from seg_node.imaging.taps import LINE_SHIFT, ONE, PRODUCT_SHIFT, ROUNDING, SUM_SHIFT, taps

if TYPE_CHECKING:
    from seg_node.engines.graft.writer import Writer

__all__ = ['known_line', 'measured_line', 'write_resize']

ROWS, COLUMNS = 2, 3


@dataclass(frozen=True, slots=True)
class Line:
    """Taps of one direction, as names of tensors (n,): indices int64, weights float32."""

    first: str
    second: str
    first_weight: str
    second_weight: str


def known_line(writer: Writer, source: int, target: int) -> Line:
    """Write the taps of a line whose lengths are known."""
    found = taps(source, target)
    return Line(
        writer.constant(found.first, np.int64),
        writer.constant(found.second, np.int64),
        writer.constant(ONE - found.weight, np.float32),
        writer.constant(found.weight, np.float32),
    )


def measured_line(writer: Writer, source: str, target: str) -> Line:
    """Write the calculation of the taps of a line of any length, in whole numbers.

    Place x of m reads around (x + 1/2) n / m - 1/2 = ((2 x + 1) n - m) / (2 m).

    Args:
        writer: Takes the nodes.
        source: (1,) int64, n.
        target: (1,) int64, m.
    """
    node, ints = writer.node, writer.ints
    scalar = ints()
    stop = node('Reshape', target, scalar)
    places = node('Range', writer.constant(0, np.int64), stop, writer.constant(1, np.int64))
    odd = node('Add', node('Mul', places, ints(2)), ints(1))
    divisor = node('Mul', target, ints(2))
    # Shifted by one whole pixel, for a division of whole numbers rounds towards 0.
    shifted = node('Add', node('Mul', odd, source), target)
    whole = node('Div', shifted, divisor)
    rest = node('Sub', shifted, node('Mul', whole, divisor))
    below = node('Sub', whole, ints(1))
    last = node('Sub', source, ints(1))
    weight = _weight(writer, below, rest, divisor)
    return Line(
        node('Min', node('Max', below, ints(0)), last),
        node('Min', whole, last),
        node('Sub', writer.constant(ONE, np.float32), weight),
        weight,
    )


def _weight(writer: Writer, below: str, rest: str, divisor: str) -> str:
    """Write the weight of the second pixel; its place is rounded to float32, as OpenCV does."""
    whole, part, one = (
        writer.node('Cast', name, to=TensorProto.FLOAT) for name in (below, rest, divisor)
    )
    place = writer.node('Add', whole, writer.node('Div', part, one))
    fraction = writer.node('Sub', place, whole)
    factor = writer.constant(ONE, np.float32)
    return writer.node('Round', writer.node('Mul', fraction, factor))


def write_resize(writer: Writer, planes: str, rows: Line, columns: Line) -> str:
    """Write the scaling of (N, C, H, W) float32 levels, whole numbers 0..255, to whole numbers."""
    blended = writer.node('Add', *_weighted(writer, planes, columns, COLUMNS))
    lines = _shifted(writer, blended, LINE_SHIFT)
    above, below = _weighted(writer, lines, rows, ROWS)
    rounded = writer.node(
        'Add',
        writer.node(
            'Add',
            _shifted(writer, above, PRODUCT_SHIFT),
            _shifted(writer, below, PRODUCT_SHIFT),
        ),
        writer.constant(ROUNDING, np.float32),
    )
    return _shifted(writer, rounded, SUM_SHIFT)


def _weighted(writer: Writer, planes: str, line: Line, axis: int) -> tuple[str, str]:
    """Write the two pixels of each place, times their weights."""
    shape = writer.ints(-1, 1) if axis == ROWS else writer.ints(1, -1)
    first, second = (
        writer.node(
            'Mul',
            writer.node('Gather', planes, index, axis=axis),
            writer.node('Reshape', weight, shape),
        )
        for index, weight in (
            (line.first, line.first_weight),
            (line.second, line.second_weight),
        )
    )
    return first, second


def _shifted(writer: Writer, values: str, bits: int) -> str:
    """Write a shift of whole numbers to the right."""
    return writer.node('Floor', writer.node('Mul', values, writer.constant(0.5**bits, np.float32)))
