# SPDX-License-Identifier: Apache-2.0
"""Compressed image messages become RGB arrays, without importing ROS."""

from __future__ import annotations

from typing import Any, cast, Protocol, TYPE_CHECKING

import cv2

from seg_node.errors import ImageError
from seg_node.imaging.buffers import byte_view, check_size
from seg_node.imaging.encodings import ENCODINGS
from seg_node.imaging.headers import read_header

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seg_node.imaging.headers import Header

    UInt8Array = npt.NDArray[np.uint8]

# What OpenCV returns, by channels and bytes per value; it puts blue first.
DECODED = {
    (1, 1): 'mono8',
    (3, 1): 'bgr8',
    (4, 1): 'bgra8',
    (1, 2): 'mono16',
    (3, 2): 'bgr16',
    (4, 2): 'bgra16',
}


class CompressedMessage(Protocol):
    """The fields of ``sensor_msgs/CompressedImage`` that matter here."""

    @property
    def format(self) -> str:
        """Codec, or 'ORIGINAL; CODEC compressed PIXELS' as image_transport writes it."""

    @property
    def data(self) -> Any:
        """A whole JPEG, PNG or WebP file, as a buffer of bytes."""


def decode_compressed(message: CompressedMessage) -> UInt8Array:
    """Return the pixels of a compressed image message.

    The codec is recognised by the data. ``format`` matters in two cases only: pixels that were
    compressed with red and blue exchanged ('compressed rgb8'), and a Bayer mosaic in a PNG.
    An orientation noted in EXIF is ignored, as everywhere in ROS: pixels belong to the sensor.

    Args:
        message: JPEG, PNG or WebP; 8 or 16 bits; grey, colour or colour with alpha (dropped).

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        ImageError: If the file is of another kind, cut short, damaged or absurdly large. Bytes
            changed inside a JPEG go unnoticed: the format has no checksum.
    """
    if 'compresseddepth' in message.format.lower():
        msg = (
            f'Compressed image has format {message.format!r}, a depth image; expected a camera '
            'image. Check which topic is remapped to the image input.'
        )
        raise ImageError(msg)
    data = byte_view(message.data)
    header = read_header(data.tobytes())
    check_size(header.height, header.width)
    pixels = _decode(data, header)
    return ENCODINGS[_encoding(message.format, header, pixels)].decode(pixels)


def _decode(data: UInt8Array, header: Header) -> npt.NDArray[Any]:
    """Return (H, W, channels) uint8 or uint16 as OpenCV decodes it."""
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error as err:
        msg = f'Compressed image is damaged: the {header.codec} decoder says: {err}'
        raise ImageError(msg) from err
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        msg = (
            f'Compressed image is damaged: its {header.codec} data do not give the '
            f'{header.height} x {header.width} (height x width) pixels that its header announces. '
            'Check the transport, or use the raw image topic.'
        )
        raise ImageError(msg)
    return cast('npt.NDArray[Any]', pixels.reshape(header.height, header.width, -1))


def _encoding(text: str, header: Header, pixels: npt.NDArray[Any]) -> str:
    """Return the name of the raw encoding that the decoded pixels are in."""
    original, _, rest = text.partition(';')
    name = DECODED.get((pixels.shape[2], pixels.itemsize), 'other')
    if header.codec == 'png' and original.startswith('bayer_') and name.startswith('mono'):
        name = original.strip().rstrip('0123456789') + name.removeprefix('mono')
    elif 'compressed rgb' in rest:
        name = name.replace('bgr', 'rgb')
    if name not in ENCODINGS:
        msg = (
            f'Compressed image has {pixels.shape[2]} channels of {pixels.dtype} and format '
            f'{text!r}; expected 8 or 16 bits, grey, colour or colour with alpha.'
        )
        raise ImageError(msg)
    return name
