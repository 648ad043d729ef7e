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

from seg_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

__all__ = ['is_palette_png', 'read_label_png']

SIGNATURE = b'\x89PNG\r\n\x1a\n'
GREY, PALETTE = 0, 3
COLOUR_TYPES = {0: 'grey', 2: 'colour (RGB)', 3: 'palette', 4: 'grey with alpha', 6: 'RGBA'}


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
    depth, kind = _header(data, path)
    if kind not in (GREY, PALETTE) or depth > 8:  # noqa: PLR2004 - bits of a byte
        msg = (
            f'Label file {str(path)!r} is a {depth} bit {COLOUR_TYPES.get(kind, kind)} PNG; '
            f'expected one class id per pixel in an 8 bit grey or palette PNG. '
            f'Convert its colours to ids first.'
        )
        raise DatasetError(msg)
    if kind == PALETTE or depth < 8:  # noqa: PLR2004 - bits of a byte
        data = _as_grey(data)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # absurd sizes
        pixels = None
    if pixels is None or pixels.ndim != 2:  # noqa: PLR2004 - rows and columns
        msg = f'Label file {str(path)!r} is damaged: it cannot be decoded. Copy it again.'
        raise DatasetError(msg)
    stretch = 255 // (2**depth - 1)
    return cast('npt.NDArray[np.uint8]', pixels // stretch if stretch > 1 else pixels)


def is_palette_png(path: Path) -> bool:
    """Return whether a file is a palette PNG; only its first bytes are read."""
    with path.open('rb') as stream:
        start = stream.read(26)
    return start.startswith(SIGNATURE) and start[25:26] == bytes([PALETTE])


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        msg = f'Label file {str(path)!r} cannot be read: {err.strerror}.'
        raise DatasetError(msg) from err


def _header(data: bytes, path: Path) -> tuple[int, int]:
    """Return bits per channel and colour type."""
    if not data.startswith(SIGNATURE) or len(data) < 26:  # noqa: PLR2004 - up to colour type
        msg = (
            f'Label file {str(path)!r} is not a PNG file; expected a PNG, because lossy '
            f'formats change class ids. Save the labels as PNG.'
        )
        raise DatasetError(msg)
    return data[24], data[25]


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
