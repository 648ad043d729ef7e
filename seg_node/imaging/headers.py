# SPDX-License-Identifier: Apache-2.0
"""Look into JPEG, PNG and WebP files: their size, and whether the file is whole.

Decoders allocate before they read and some return a half grey picture for half a file, so both
questions are answered from the bytes first.
"""

from __future__ import annotations

from dataclasses import dataclass
import struct
from typing import TYPE_CHECKING
import zlib

from seg_node.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
JPEG_SIGNATURE = b'\xff\xd8\xff'
JPEG_END = b'\xff\xd9'
START_OF_SCAN = 0xDA
# Without a length, as decoders read them; in front of the picture none has a meaning.
BARE = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})  # within C0..CF, yet no start of frame
MAX_SCANS = 32  # usual are 1 to 12; each is work on the whole picture, for 12 bytes in the file
RIFF_HEADER = 8  # [bytes] 'RIFF' and the length of the rest


@dataclass(frozen=True, slots=True)
class Header:
    """What a compressed image says about itself.

    Attributes:
        codec: 'jpeg', 'png' or 'webp'.
        height: Rows [px].
        width: Columns [px].
    """

    codec: str
    height: int
    width: int


def read_header(data: bytes) -> Header:
    """Return codec and size of a compressed image that is complete.

    Raises:
        ImageError: If it is none of the known formats, ends too early, or a checksum is wrong.
    """
    if data.startswith(JPEG_SIGNATURE):
        read = _read_jpeg
    elif data.startswith(PNG_SIGNATURE):
        read = _read_png
    elif data[:4] == b'RIFF' and data[8:12] == b'WEBP':
        read = _read_webp
    else:
        msg = (
            f'Compressed image starts with {data[:8]!r}; expected a JPEG, PNG or WebP file. '
            'Check the format parameter of the publisher.'
        )
        raise ImageError(msg)
    try:
        return read(data)
    except (ValueError, IndexError, struct.error) as err:
        why = str(err) if isinstance(err, ValueError) else 'it ends too early'
        msg = (
            f'Compressed image is damaged: {why} ({len(data)} bytes arrived). '
            'Check the transport, or use the raw image topic.'
        )
        raise ImageError(msg) from err


def _read_jpeg(data: bytes) -> Header:
    """Walk the marker segments up to the picture itself, then look for the end marker."""
    sizes = []
    for marker, at in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in NO_FRAME:  # noqa: PLR2004 - SOF0 to SOF15
            sizes.append(struct.unpack_from('>HH', data, at + 5))
    if len(sizes) != 1:
        msg = f'the JPEG gives its size {len(sizes)} times, expected once'
        raise ValueError(msg)
    # From the first scan, at which the walk has ended.
    scans = data.count(bytes((0xFF, START_OF_SCAN)), at)
    if scans > MAX_SCANS:
        msg = f'the JPEG has {scans} scans, more than {MAX_SCANS}'
        raise ValueError(msg)
    # In the picture every FF is followed by 00 or a restart marker, so this is the true end.
    if data.find(JPEG_END, at) < 0:
        msg = 'the JPEG has no end'
        raise ValueError(msg)
    return Header('jpeg', *sizes[0])


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the markers before the picture, the one of the first scan last, and where they are."""
    at = 2
    marker = 0
    while marker != START_OF_SCAN:
        if data[at] != 0xFF:  # noqa: PLR2004 - every JPEG marker starts with it
            msg = f'no JPEG marker at byte {at}'
            raise ValueError(msg)
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - fill byte
            at += 1
            continue
        if marker in BARE:
            msg = f'marker 0x{marker:02X} is at byte {at}, before the picture'
            raise ValueError(msg)
        (length,) = struct.unpack_from('>H', data, at + 2)
        yield marker, at
        at += 2 + length


def _read_png(data: bytes) -> Header:
    """Walk the chunks to the end and compare every checksum."""
    width, height = struct.unpack_from('>II', data, 16)
    at = len(PNG_SIGNATURE)
    while True:
        length, kind = struct.unpack_from('>I4s', data, at)
        (expected,) = struct.unpack_from('>I', data, at + 8 + length)
        if zlib.crc32(memoryview(data)[at + 4 : at + 8 + length]) != expected:
            msg = f'wrong checksum in PNG chunk {kind!r} at byte {at}'
            raise ValueError(msg)
        if kind == b'IEND':
            return Header('png', height, width)
        at += 12 + length


def _read_webp(data: bytes) -> Header:
    """Read the first chunk, of which there are three kinds, and compare the file's length."""
    (length,) = struct.unpack_from('<I', data, 4)
    if len(data) < RIFF_HEADER + length:
        msg = f'the WebP needs {RIFF_HEADER + length} bytes'
        raise ValueError(msg)
    kind = data[12:16]
    if kind == b'VP8X':
        width = int.from_bytes(data[24:27], 'little') + 1
        height = int.from_bytes(data[27:30], 'little') + 1
    elif kind == b'VP8L':
        (bits,) = struct.unpack_from('<I', data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b'VP8 ':
        width, height = (side & 0x3FFF for side in struct.unpack_from('<HH', data, 26))
    else:
        msg = f'unknown WebP chunk {kind!r}'
        raise ValueError(msg)
    return Header('webp', height, width)
