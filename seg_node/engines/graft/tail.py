# SPDX-License-Identifier: Apache-2.0
"""The part of a deployed graph behind the network: what ``imaging.finish`` does, as operators."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

if TYPE_CHECKING:
    from seg_node.bundle import Manifest
    from seg_node.engines.deployed_spec import DeployedSpec
    from seg_node.engines.graft.head import Layout
    from seg_node.engines.graft.writer import Writer

__all__ = ['write_tail']

LEVELS = 255.0
LEVEL_NOISE = 1e-3  # of float32 in limits that were rounded to levels before
NO_CLASS = 255
FLOAT, UINT8 = TensorProto.FLOAT, TensorProto.UINT8


def write_tail(
    writer: Writer, scores: str, layout: Layout, manifest: Manifest, spec: DeployedSpec
) -> None:
    """Write the nodes from the network's scores to all outputs.

    Softmax and entropy are written so that each reads the scaled scores as seldom as possible:
    with d = score - largest score and Z = sum(exp d), the probability of the label is 1 / Z and
    the entropy log Z - sum(d exp d) / Z.

    Args:
        writer: Takes the nodes.
        scores: Name of the scores, (N, K, h, w).
        layout: Where the image lies in the network's input.
        manifest: Classes, output stride and temperature.
        spec: Planes, and whether scores are given out.
    """
    if spec.scores:
        writer.node('Cast', scores, to=FLOAT, output='scores')
    scaled = _scaled(writer, scores, layout, manifest)
    ids = writer.node('ArgMax', scaled, axis=1, keepdims=0)
    # TensorRT documents casts to bytes from floats alone; they hold every id.
    writer.node('Cast', writer.node('Cast', ids, to=FLOAT), to=UINT8, output='labels')
    wide = writer.node('Cast', scaled, to=FLOAT)
    gaps = writer.node('Sub', wide, writer.reduced('ReduceMax', wide, keep=True))
    powers = writer.node('Exp', gaps)
    total = writer.reduced('ReduceSum', powers, keep=False)
    probability = writer.node('Reciprocal', total)
    confidence = _level(writer, probability, LEVELS)
    writer.node('Cast', confidence, to=UINT8, output='confidence')
    gap = writer.reduced('ReduceSum', writer.node('Mul', gaps, powers), keep=False)
    mean_gap = writer.node('Mul', gap, probability)
    nats = writer.node('Sub', writer.node('Log', total), mean_gap)
    entropy = _level(writer, nats, LEVELS / math.log(len(manifest.taxonomy)))
    writer.node('Cast', entropy, to=UINT8, output='entropy')
    _write_drivable_area(writer, ids, confidence, entropy, manifest)
    if spec.planes:
        _write_planes(writer, powers, probability, spec.planes)


def _scaled(writer: Writer, scores: str, layout: Layout, manifest: Manifest) -> str:
    """Write the cut of the image's part, the temperature, and the scaling to the image.

    What is subtracted from all classes of a pixel changes no probability, before the scaling or
    behind it. Without the largest score, half precision is finest where classes compete.
    """
    wide = writer.node('Cast', scores, to=FLOAT)
    placement = layout.placement
    if placement is None or placement.network_size != (placement.height, placement.width):
        stride = writer.ints(manifest.output_stride)
        start = writer.node('Div', layout.corner, stride)
        stop = writer.node('Add', start, writer.node('Div', layout.rectangle, stride))
        wide = writer.node('Slice', wide, start, stop, writer.ints(2, 3))
    gaps = writer.node('Sub', wide, writer.reduced('ReduceMax', wide, keep=True))
    cooled = writer.node('Mul', gaps, writer.constant(1.0 / manifest.temperature, np.float32))
    sizes = writer.joined(layout.count, writer.ints(len(manifest.taxonomy)), layout.image)
    return writer.resized(writer.node('Cast', cooled, to=layout.kind), sizes)


def _level(writer: Writer, values: str, factor: float) -> str:
    """Write the rounding to 0..255, still as floats."""
    return writer.node('Round', writer.node('Mul', values, writer.constant(factor, np.float32)))


def _write_drivable_area(
    writer: Writer, ids: str, confidence: str, entropy: str, manifest: Manifest
) -> None:
    """Write the rule of ``imaging.drivable``: a drivable label, probable, of low entropy."""
    limits = writer.node('Mul', 'thresholds', writer.constant(LEVELS, np.float32))
    noise = writer.constant(LEVEL_NOISE, np.float32)
    least = writer.node('Ceil', writer.node('Sub', writer.part(limits, 0, 1), noise))
    most = writer.node('Floor', writer.node('Add', writer.part(limits, 1, 2), noise))
    probable = writer.node('GreaterOrEqual', confidence, least)
    calm = writer.node('LessOrEqual', entropy, most)
    wanted = np.flatnonzero(manifest.taxonomy.drivable).tolist() or [NO_CLASS]
    numbers = writer.node('Cast', ids, to=TensorProto.INT32)
    hits = [writer.node('Equal', numbers, writer.constant(one, np.int32)) for one in wanted]
    sure = writer.node('And', writer.node('And', probable, calm), writer.chain('Or', hits))
    levels = writer.node(
        'Mul', writer.node('Cast', sure, to=FLOAT), writer.constant(LEVELS, np.float32)
    )
    writer.node('Cast', levels, to=UINT8, output='drivable_area')


def _write_planes(writer: Writer, powers: str, probability: str, classes: tuple[int, ...]) -> None:
    chosen = writer.node('Gather', powers, writer.ints(*classes), axis=1)
    factor = writer.node('Unsqueeze', probability, writer.ints(1))
    levels = _level(writer, writer.node('Mul', chosen, factor), LEVELS)
    writer.node('Cast', levels, to=UINT8, output='planes')
