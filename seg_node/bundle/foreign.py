# SPDX-License-Identifier: Apache-2.0
"""What the file of a foreign network says about itself, and whether we can use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import compose, TensorProto

from seg_node.bundle.external_data import refuse_outside_data
from seg_node.bundle.wrapping import PREFIX
from seg_node.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['find_image', 'first_line', 'input_size', 'load_foreign', 'opset_of']

OPSETS = (11, 23)
RANK, CHANNELS = 4, 3


def load_foreign(path: Path) -> onnx.ModelProto:
    """Read a network; all its names get the prefix of what is not ours.

    Raises:
        BundleError: The file is no network, a newer one than onnx knows, or wants to read files
            outside of its folder.
    """
    refuse_outside_data(path)
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except Exception as err:  # onnx and protobuf have no common base of errors
        msg = (
            f'{str(path)!r} is no ONNX network that onnx {onnx.__version__} accepts: '
            f'{first_line(err)} Expected a file made by an exporter, with an opset of '
            f'{OPSETS[0]} to {OPSETS[1]} (17 suits most readers).'
        )
        raise BundleError(msg) from err
    return compose.add_prefix(model, PREFIX)


def opset_of(model: onnx.ModelProto, path: Path) -> int:
    """Return the operator set of a network.

    Raises:
        BundleError: Not every reader knows it.
    """
    opset = max((one.version for one in model.opset_import if not one.domain), default=0)
    low, high = OPSETS
    if not low <= opset <= high:
        msg = (
            f'{str(path)!r} has opset {opset}; expected {low} to {high}, which ONNX Runtime and '
            'TensorRT read. Export it again with opset 17.'
        )
        raise BundleError(msg)
    return int(opset)


def find_image(model: onnx.ModelProto, path: Path) -> onnx.ValueInfoProto:
    """Return the network's one input: images (N, 3, H, W) in float or half precision.

    Raises:
        BundleError: There are several inputs, or it has another layout, batch or type.
    """
    constants = {one.name for one in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in constants]
    if len(inputs) != 1:
        listed = ', '.join(_shown(one) for one in inputs) or 'none'
        msg = f'{str(path)!r} has the inputs {listed}; expected one, images (N, 3, H, W).'
        raise BundleError(msg)
    image: onnx.ValueInfoProto = inputs[0]
    sides = _sides(image)
    channels_last = len(sides) == RANK and sides[1] != CHANNELS and sides[3] == CHANNELS
    if len(sides) != RANK or sides[1] not in (CHANNELS, None) or channels_last:
        hint = (
            'It wants channels last: export it with channels first.'
            if channels_last
            else 'Export it for colour images.'
        )
        msg = f'{str(path)!r} has the input {_shown(image)}; expected (N, 3, H, W). {hint}'
        raise BundleError(msg)
    if sides[0] not in (1, None):
        msg = (
            f'{str(path)!r} has the input {_shown(image)}: a fixed batch of {sides[0]}. '
            'Export it with a batch of 1, or an open one.'
        )
        raise BundleError(msg)
    if image.type.tensor_type.elem_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        msg = (
            f'{str(path)!r} has the input {_shown(image)}; expected float or float16. Leave '
            'decoding and normalisation out of the export; the bundle brings its own.'
        )
        raise BundleError(msg)
    return image


def input_size(
    image: onnx.ValueInfoProto, path: Path, wanted: tuple[int, int] | None
) -> tuple[int, int]:
    """Return height and width to run a network at [px].

    Args:
        image: Its input.
        path: For messages.
        wanted: What the user says; None to take what the network says.

    Raises:
        BundleError: Neither says it, or they disagree.
    """
    fixed = _sides(image)[2:]
    if wanted is None:
        if None in fixed:
            msg = (
                f'{str(path)!r} takes images of any size, {_shown(image)}. Give the size '
                'to run it at, for example --size 512x1024 (height x width).'
            )
            raise BundleError(msg)
        return (int(fixed[0] or 0), int(fixed[1] or 0))
    if any(side not in (None, one) for side, one in zip(fixed, wanted, strict=True)):
        msg = (
            f'{str(path)!r} has the input {_shown(image)}, which does not take '
            f'{wanted[0]}x{wanted[1]} (height x width). Leave --size out, or export '
            'the network again.'
        )
        raise BundleError(msg)
    return wanted


def _sides(tensor: onnx.ValueInfoProto) -> list[int | None]:
    """Return the sides of a tensor, None for open ones."""
    shape = tensor.type.tensor_type.shape.dim
    return [one.dim_value if one.HasField('dim_value') else None for one in shape]


def _shown(tensor: onnx.ValueInfoProto) -> str:
    shape = ', '.join('?' if side is None else str(side) for side in _sides(tensor))
    kind = TensorProto.DataType.Name(tensor.type.tensor_type.elem_type).lower()
    return f'{tensor.name.removeprefix(PREFIX)!r} ({shape}) {kind}'


def first_line(err: Exception) -> str:
    """Return the first line of an error of a library, as a sentence."""
    text = (str(err).strip().splitlines() or [type(err).__name__])[0]
    return text if text.endswith('.') else f'{text}.'
