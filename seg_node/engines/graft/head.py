# SPDX-License-Identifier: Apache-2.0
"""The part of a deployed graph before the network: what ``imaging.Fitter`` does, as operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from onnx import helper, TensorProto

from seg_node.engines.graft.resize import known_line, measured_line, write_resize
from seg_node.engines.graft.writer import PREFIX
from seg_node.imaging import place

if TYPE_CHECKING:
    from seg_node.engines.deployed_spec import DeployedSpec
    from seg_node.engines.graft.writer import Writer
    from seg_node.imaging import InputSpec, Placement

__all__ = ['BATCH', 'Layout', 'write_head']

IMAGE = 'image'
BATCH = f'{PREFIX}batch'
EDGE = 4  # [px], as in imaging.place
CHANNELS = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the image lies in the network's input, as names of int64 vectors in the graph.

    Attributes:
        count: (1,) number of images.
        image: (2,) height and width of the images [px].
        rectangle: (2,) height and width of the part of the input that the image fills [px].
        corner: (2,) first row and column of that part [px].
        placement: All of this, where it is known now.
        kind: Type that the network calculates in.
    """

    count: str
    image: str
    rectangle: str
    corner: str
    placement: Placement | None
    kind: int


def write_head(writer: Writer, given: InputSpec, spec: DeployedSpec, kind: int) -> Layout:
    """Write the nodes from ``image`` to the network's input, which is named ``BATCH``.

    Args:
        writer: With nothing written yet: the cast of the image must be the first node.
        given: The network's input.
        spec: Sizes of images and batch.
        kind: Type that the network calculates in.
    """
    fixed = place(spec.image_size, given) if spec.image_size else None
    fits = fixed is not None and fixed.image_size == (fixed.height, fixed.width)
    pixels = writer.node('Cast', IMAGE, to=kind if fits else TensorProto.FLOAT)
    planes = writer.node('Transpose', pixels, perm=[0, 3, 1, 2])
    layout = _layout(writer, pixels, given, spec, kind)
    placement = layout.placement
    if not fits:
        planes = writer.node('Cast', _scaled(writer, planes, layout), to=kind)
    if placement is None or placement.network_size != (placement.height, placement.width):
        planes = _padded(writer, planes, layout, given)
    # The network must not lose its fixed shape to sizes that are calculated.
    shape = writer.joined(layout.count, writer.ints(CHANNELS, given.height, given.width))
    writer.node('Reshape', planes, shape, output=BATCH)
    return layout


def _layout(
    writer: Writer, pixels: str, given: InputSpec, spec: DeployedSpec, kind: int
) -> Layout:
    shape = writer.node('Shape', pixels)
    one = spec.batch[0] == spec.batch[2]
    count = writer.ints(spec.batch[0]) if one else writer.part(shape, 0, 1)
    if spec.image_size is None:
        image = writer.part(shape, 1, 3)
        rectangle = _rectangle(writer, image, given)
        corner = _corner(writer, rectangle, given)
        return Layout(count, image, rectangle, corner, None, kind)
    placement = place(spec.image_size, given)
    return Layout(
        count,
        writer.ints(*spec.image_size),
        writer.ints(placement.height, placement.width),
        writer.ints(placement.top, placement.left),
        placement,
        kind,
    )


def _scaled(writer: Writer, planes: str, layout: Layout) -> str:
    """Write the scaling of the image to its part of the network's input."""
    placement = layout.placement
    if placement is not None:
        rows = known_line(writer, placement.image_size[0], placement.height)
        columns = known_line(writer, placement.image_size[1], placement.width)
        return write_resize(writer, planes, rows, columns)
    rows, columns = (
        measured_line(
            writer,
            writer.part(layout.image, side, side + 1),
            writer.part(layout.rectangle, side, side + 1),
        )
        for side in (0, 1)
    )
    return write_resize(writer, planes, rows, columns)


def _rectangle(writer: Writer, image: str, given: InputSpec) -> str:
    """Write what ``imaging.place`` says about the size, in whole numbers.

    A side of length s that may be n and would keep the shape at q = n / d edges, d = 4 x other
    side, becomes round(q) edges, halves to the even one, within 1 and its limit.
    """
    limit = writer.ints(given.height, given.width)
    if given.fit == 'stretch':
        return limit
    two = writer.ints(2)
    swapped = writer.joined(writer.part(image, 1, 2), writer.part(image, 0, 1))
    wanted = writer.node('Mul', image, writer.ints(given.width, given.height))
    divisor = writer.node('Mul', swapped, writer.ints(EDGE))
    twice = writer.node('Add', writer.node('Mul', wanted, two), divisor)
    whole = writer.node('Mul', divisor, two)
    edges = writer.node('Div', twice, whole)
    rest = writer.node('Sub', twice, writer.node('Mul', edges, whole))
    is_half = writer.node('Sub', writer.ints(1), writer.node('Min', rest, writer.ints(1)))
    is_odd = writer.node('Sub', edges, writer.node('Mul', writer.node('Div', edges, two), two))
    even = writer.node('Sub', edges, writer.node('Mul', is_half, is_odd))
    side = writer.node('Mul', writer.node('Max', even, writer.ints(1)), writer.ints(EDGE))
    return writer.node('Min', side, limit)


def _corner(writer: Writer, rectangle: str, given: InputSpec) -> str:
    free = writer.node('Sub', writer.ints(given.height, given.width), rectangle)
    edges = writer.node('Div', free, writer.ints(2 * EDGE))
    return writer.node('Mul', edges, writer.ints(EDGE))


def _padded(writer: Writer, planes: str, layout: Layout, given: InputSpec) -> str:
    """Write the padding: zeros around the image, and the mean colour added to them alone."""
    dtype = helper.tensor_dtype_to_np_dtype(layout.kind)
    filled = writer.node('Add', layout.corner, layout.rectangle)
    after = writer.node('Sub', writer.ints(given.height, given.width), filled)
    none = writer.ints(0, 0)
    pads = writer.joined(none, layout.corner, none, after)
    around = writer.node('Pad', planes, pads, writer.constant(0, dtype))
    one_plane = writer.joined(writer.ints(1, 1), layout.rectangle)
    inside = writer.node('Expand', writer.constant(0, dtype), one_plane)
    outside = writer.node('Pad', inside, pads, writer.constant(1, dtype))
    mean = writer.constant(np.reshape(given.mean, (1, CHANNELS, 1, 1)), dtype)
    return writer.node('Add', around, writer.node('Mul', outside, mean))
