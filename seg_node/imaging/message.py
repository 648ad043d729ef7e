# SPDX-License-Identifier: Apache-2.0
"""Image messages become RGB arrays, without importing ROS.

Any object with the fields of ``sensor_msgs/Image`` will do: those of rclpy and of rosbags alike.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import ImageError
from seg_node.imaging.buffers import byte_view, check_size, MAX_PIXELS
from seg_node.imaging.compressed import CompressedMessage, decode_compressed
from seg_node.imaging.encodings import ENCODINGS
from seg_node.imaging.foreign import foreign_pixels

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.imaging.encodings import Encoding

    UInt8Array = npt.NDArray[np.uint8]

__all__ = [
    'MAX_PIXELS',
    'CompressedMessage',
    'ImageMessage',
    'decode_compressed',
    'rgb_pixels',
]


class ImageMessage(Protocol):
    """The fields of ``sensor_msgs/Image`` that matter here."""

    @property
    def height(self) -> int:
        """Rows [px]."""

    @property
    def width(self) -> int:
        """Columns [px]."""

    @property
    def encoding(self) -> str:
        """One of the names in ``sensor_msgs/image_encodings.hpp``."""

    @property
    def is_bigendian(self) -> int | bool:
        """Whether values of more than one byte have the high byte first."""

    @property
    def step(self) -> int:
        """Length of a row [bytes], padding included."""

    @property
    def data(self) -> Any:
        """``step`` times the number of rows, as a buffer of bytes."""


def rgb_pixels(message: ImageMessage) -> UInt8Array:
    """Return the pixels of an image message.

    Args:
        message: Any of the encodings in ``docs/encodings.md``; padding at row ends is dropped.

    Returns:
        (H, W, 3) uint8 RGB. For rgb8 a view of the message's own bytes (rows may be padded in
        memory, and the view may be read-only); otherwise a new array.

    Raises:
        ImageError: If size, step, length and encoding do not fit together, the encoding is
            unknown, or a float image is not within 0..1.
    """
    check_size(message.height, message.width)
    data = byte_view(message.data)
    encoding = ENCODINGS.get(message.encoding)
    if encoding is None:
        _check_length(message, data, message.height)
        return foreign_pixels(message)
    _check_shape(message, encoding)
    numerator, denominator = encoding.rows
    rows = message.height * numerator // denominator
    _check_length(message, data, rows)
    values = _values(message, encoding, data, rows)
    try:
        return encoding.decode(values)
    except cv2.error as err:
        size = f'{message.height} x {message.width} (height x width)'
        msg = f'OpenCV cannot decode {message.encoding!r} of {size}: {err}'
        raise ImageError(msg) from err


def _check_shape(message: ImageMessage, encoding: Encoding) -> None:
    """Refuse a size that the encoding cannot have."""
    height, width = message.height, message.width
    if min(height, width) < encoding.smallest:
        msg = (
            f'Image is {height} x {width} (height x width); {message.encoding!r} needs at least '
            f'{encoding.smallest} x {encoding.smallest} to interpolate colours.'
        )
        raise ImageError(msg)
    rows, columns = encoding.multiple
    if height % rows or width % columns:
        msg = (
            f'Image is {height} x {width} (height x width); {message.encoding!r} shares colour '
            f'between pixels and needs multiples of {rows} x {columns}. Crop the image.'
        )
        raise ImageError(msg)


def _check_length(message: ImageMessage, data: UInt8Array, rows: int) -> None:
    """Refuse more or fewer bytes than the message announces."""
    expected = message.step * rows
    if data.size != expected:
        msg = (
            f'Image has {data.size} bytes of data; {message.encoding!r} of {message.height} x '
            f'{message.width} (height x width) with a step of {message.step!r} needs {rows} rows, '
            f'{expected} bytes. The publisher fills step or data wrongly.'
        )
        raise ImageError(msg)


def _values(
    message: ImageMessage, encoding: Encoding, data: UInt8Array, rows: int
) -> npt.NDArray[Any]:
    """Return (rows, width, channels) in native byte order; a view where that is possible."""
    dtype = np.dtype(('>' if message.is_bigendian else '<') + encoding.kind)
    needed = message.width * encoding.channels * dtype.itemsize
    if message.step < needed or message.step % dtype.itemsize:
        msg = (
            f'Image has a step of {message.step!r} bytes; {message.width} pixels of '
            f'{message.encoding!r} need at least {needed}, in multiples of {dtype.itemsize}. '
            'The publisher must set step to the length of a row in bytes.'
        )
        raise ImageError(msg)
    values = data.view(dtype).reshape(rows, -1)[:, : message.width * encoding.channels]
    if dtype.byteorder not in ('=', '|', '<' if sys.byteorder == 'little' else '>'):
        values = values.astype(dtype.newbyteorder('='))
    values = np.require(values, requirements='A')  # a recording may hold it at any address
    return values.reshape(rows, message.width, encoding.channels)
