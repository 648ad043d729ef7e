# SPDX-License-Identifier: Apache-2.0
"""Label maps from PNG files, as the numbers that were stored in them.

OpenCV would turn the indices of a palette PNG into colours and stretch 1, 2 and 4 bit grey to
0..255. Both keep their pixels exactly like an 8 bit grey PNG does, so a file of that kind is
decoded after its header was rewritten to plain grey; OpenCV does the rest.
"""

from __future__ import annotations

import struct
from typing import cast, TYPE_CHECKING
import zlib

import cv2
import numpy as np

from seg_node.datasets.png_kind import BYTE, GREY, kind_of, SIGNATURE
from seg_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

__all__ = ['read_color_png', 'read_instance_png', 'read_label_png']


def read_label_png(path: Path) -> npt.NDArray[np.uint8]:
    """Read the class ids stored in a PNG file.

    Args:
        path: A grey or palette PNG of at most 8 bit; of a palette PNG the indices are taken.

    Returns:
        (H, W) uint8, exactly the stored numbers.

    Raises:
        DatasetError: If the file cannot be read, is damaged, or holds colours instead of ids.
    """
    data = _bytes_of(path)
    kind = kind_of(data, path)
    if not kind.holds_ids:
        msg = (
            f'Label file {str(path)!r} is a {kind} PNG; '
            f'expected one class id per pixel in an 8 bit grey or palette PNG. '
            f'Convert its colours to ids first.'
        )
        raise DatasetError(msg)
    if kind.is_palette or kind.depth < BYTE:
        data = _as_grey(data)
    pixels = _decoded(data, path, cv2.IMREAD_UNCHANGED, dimensions=2)
    stretch = 255 // (2**kind.depth - 1)
    return pixels // stretch if stretch > 1 else pixels


def read_instance_png(path: Path) -> npt.NDArray[np.uint8]:
    """Read the class ids of a 16 bit PNG file that holds id * 256 + number of the object.

    Returns:
        (H, W) uint8 ids.

    Raises:
        DatasetError: If the file cannot be read, is damaged, or is no 16 bit grey PNG.
    """
    data = _bytes_of(path)
    kind = kind_of(data, path)
    if not kind.holds_instances:
        msg = (
            f'Label file {str(path)!r} is a {kind} PNG; expected 16 bit grey, a class id in the '
            f'upper and the number of an object in the lower byte.'
        )
        raise DatasetError(msg)
    stored = _decoded(data, path, cv2.IMREAD_UNCHANGED, dimensions=2)
    return (stored >> BYTE).astype(np.uint8)


def read_color_png(path: Path) -> npt.NDArray[np.uint8]:
    """Read the colours of a PNG file; of a palette PNG the colours and not the indices.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DatasetError: If the file cannot be read, is damaged, or holds no colours.
    """
    data = _bytes_of(path)
    kind = kind_of(data, path)
    if not kind.holds_colors:
        msg = (
            f'Label file {str(path)!r} is a {kind} PNG; expected the colours of the classes in '
            f'an 8 bit colour PNG.'
        )
        raise DatasetError(msg)
    return _decoded(data, path, cv2.IMREAD_COLOR, dimensions=3)[..., ::-1]


def _decoded(data: bytes, path: Path, flags: int, *, dimensions: int) -> npt.NDArray[np.uint8]:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # absurd sizes
        pixels = None
    if pixels is None or pixels.ndim != dimensions:
        msg = f'Label file {str(path)!r} is damaged: it cannot be decoded. Copy it again.'
        raise DatasetError(msg)
    return cast('npt.NDArray[np.uint8]', pixels)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        msg = f'Label file {str(path)!r} cannot be read: {err.strerror}.'
        raise DatasetError(msg) from err


def _as_grey(data: bytes) -> bytes:
    """Rewrite the header so that the stored numbers are taken for grey levels."""
    kept = [SIGNATURE]
    for kind, body in _chunks(data):
        content = body[:9] + bytes([GREY]) + body[10:] if kind == b'IHDR' else body
        if kind in (b'IHDR', b'IDAT', b'IEND'):
            checksum = zlib.crc32(kind + content)
            kept.append(struct.pack('>I', len(content)) + kind + content)
            kept.append(struct.pack('>I', checksum))
    return b''.join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each chunk (PNG specification, section 5.3)."""
    position = len(SIGNATURE)
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], 'big')
        yield data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        position += length + 12
