# SPDX-License-Identifier: Apache-2.0
"""Ways to send a ``sensor_msgs/CompressedImage`` that is right, almost right, or made to hurt.

A trick takes a random generator and returns the verdict, the fields of the message, and the RGB
pixels that it has to give where they are known.
"""

from __future__ import annotations

from functools import cache
import struct
from typing import Any, TYPE_CHECKING
import zlib

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Made = tuple[str, dict[str, Any], UInt8Array | None]
    Trick = Callable[[np.random.Generator], Made]

__all__ = ['CODED_TRICKS', 'with_scans']

CODECS = ('jpeg', 'progressive', 'png', 'webp')
CHANNELS = (1, 3, 4)
PICTURES = 12
LARGEST_SIDE = 48
SIGNATURE = b'\x89PNG\r\n\x1a\n'
FORMATS = (
    '',
    'jpeg',
    'png',
    'JPEG',
    'rgb8; jpeg compressed bgr8',
    'rgb8; jpeg compressed rgb8',
    'bayer_rggb8; png compressed',
    'bayer_; png compressed',
    'bayer_größe16; png compressed',
    'mono16; png compressed',
    '32FC1; compressedDepth png',
    '; ; ;',
    '画像',
    'x' * 10_000,
)
NO_PICTURES = (
    b'',
    b'\xff',
    b'\xff\xd8\xff',
    SIGNATURE,
    b'RIFF\x00\x00\x00\x00WEBP',
    b'RIFF\xff\xff\xff\xffWEBPVP8 ',
    b'GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00',
    b'BM' + bytes(60),
    b'II*\x00\x08\x00\x00\x00' + bytes(40),
    b'\x00\x00\x00\x1cftypavif' + bytes(40),
    b'\x00\x00\x00\x0cjP  \r\n\x87\n' + bytes(40),
    b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    b'#!/bin/sh\nexit 1\n',
    b'P6\n70000 70000\n255\n',
    bytes(3000),
)
HUGE = ((65_535, 65_535), (2**31 - 1, 2**31 - 1), (2**32 - 1, 1), (8001, 8001), (1, 2**31))


@cache
def _file(codec: str, number: int) -> tuple[bytes, UInt8Array]:
    """Return a whole file and the (H, W, channels) pixels that went in, blue first."""
    rng = np.random.default_rng(number)
    height, width = rng.integers(1, LARGEST_SIDE, 2)
    channels = CHANNELS[number % len(CHANNELS)]
    if channels == 4 and codec in {'jpeg', 'progressive'}:
        channels = 3
    pixels = rng.integers(0, 256, (height, width, channels), np.uint8)
    suffix = {'jpeg': '.jpg', 'progressive': '.jpg', 'png': '.png', 'webp': '.webp'}[codec]
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if codec == 'progressive' else []
    return bytes(cv2.imencode(suffix, pixels, options)[1].tobytes()), pixels


def _any_file(rng: np.random.Generator, codec: str = '') -> tuple[str, bytes]:
    codec = codec or CODECS[rng.integers(len(CODECS))]
    return codec, _file(codec, int(rng.integers(PICTURES)))[0]


def _fields(data: bytes, text: str = 'jpeg') -> dict[str, Any]:
    return {'format': text, 'data': data}


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG with its checksum."""
    body = kind + content
    return struct.pack('>I', len(content)) + body + struct.pack('>I', zlib.crc32(body))


def png(width: int, height: int, depth: int, colour: int, rest: bytes) -> bytes:
    """Return a PNG of a header and what follows it."""
    head = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)
    return SIGNATURE + chunk(b'IHDR', head) + rest + chunk(b'IEND', b'')


def _whole(rng: np.random.Generator) -> Made:
    return 'good', _fields(_any_file(rng)[1]), None


def _known_colours(rng: np.random.Generator) -> Made:
    data, pixels = _file('png', int(rng.integers(PICTURES)))
    blue_first = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    return 'good', _fields(data, 'png'), blue_first[:, :, [2, 1, 0]]


def _cut(rng: np.random.Generator) -> Made:
    _, data = _any_file(rng)
    return 'bad', _fields(data[: rng.integers(len(data) - 1)]), None


def _flipped(rng: np.random.Generator) -> Made:
    """Return one with bytes changed anywhere; PNG has checksums, so there each is noticed."""
    codec, data = _any_file(rng)
    changed = bytearray(data)
    for at in rng.integers(len(data), size=rng.integers(1, 20)):
        changed[at] = rng.integers(256)
    verdict = 'bad' if codec == 'png' and bytes(changed) != data else 'either'
    return verdict, _fields(bytes(changed)), None


def _flipped_head(rng: np.random.Generator) -> Made:
    """Return one with bytes changed where sizes and tables are."""
    changed = bytearray(_any_file(rng)[1])
    for at in rng.integers(min(len(changed), 200), size=rng.integers(1, 4)):
        changed[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))
    return 'either', _fields(bytes(changed)), None


def _spliced(rng: np.random.Generator) -> Made:
    """Return the beginning of one file with the end of another."""
    (_, one), (_, other) = _any_file(rng), _any_file(rng)
    data = one[: rng.integers(len(one))] + other[rng.integers(len(other)) :]
    return 'either', _fields(data), None


def _followed(rng: np.random.Generator) -> Made:
    """Return a file with something behind it, as some drivers pad them."""
    data = _any_file(rng, ('jpeg', 'png')[rng.integers(2)])[1]
    return 'good', _fields(data + rng.bytes(int(rng.integers(1, 500)))), None


def _no_picture(rng: np.random.Generator) -> Made:
    return 'bad', _fields(NO_PICTURES[rng.integers(len(NO_PICTURES))]), None


def _noise(rng: np.random.Generator) -> Made:
    start = (b'', b'\xff\xd8\xff\xe0', SIGNATURE, b'RIFF\x10\x00\x00\x00WEBPVP8L')
    noise = rng.bytes(int(rng.integers(400)))
    return 'either', _fields(start[rng.integers(len(start))] + noise), None


def _odd_format(rng: np.random.Generator) -> Made:
    return 'either', _fields(_any_file(rng)[1], FORMATS[rng.integers(len(FORMATS))]), None


def _huge_png(rng: np.random.Generator) -> Made:
    width, height = HUGE[rng.integers(len(HUGE))]
    rows = chunk(b'IDAT', zlib.compress(bytes(1000)))
    return 'bad', _fields(png(width, height, 8, 2, rows)), None


def _resized(rng: np.random.Generator) -> Made:
    """Return one whose header announces another size than its data have."""
    codec, data = _any_file(rng, ('jpeg', 'png')[rng.integers(2)])
    changed = bytearray(data)
    height, width = (int(one) for one in rng.integers(1, 300, 2))
    if codec == 'png':
        changed[16:24] = struct.pack('>II', width, height)
        changed[29:33] = struct.pack('>I', zlib.crc32(changed[12:29]))
    else:
        at = data.index(b'\xff\xc0') + 5
        changed[at : at + 4] = struct.pack('>HH', height, width)
    return 'either', _fields(bytes(changed)), None


def _rare_png(rng: np.random.Generator) -> Made:
    """Return a PNG of a depth and a colour type that cameras do not use."""
    colour, depth = ((0, 1), (0, 2), (0, 4), (0, 16), (2, 16), (3, 1), (3, 8), (4, 8), (4, 16))[
        rng.integers(9)
    ]
    width, height = (int(one) for one in rng.integers(1, 30, 2))
    values = {0: 1, 2: 3, 3: 1, 4: 2}[colour]
    row = 1 + (width * values * depth + 7) // 8
    rows = rng.integers(0, 256, (height, row), np.uint8)
    rows[:, 0] = rng.integers(0, 5, height)  # the filter of each row
    palette = chunk(b'PLTE', rng.bytes(3 * 2 ** min(depth, 8))) if colour == 3 else b''
    body = palette + chunk(b'IDAT', zlib.compress(rows.tobytes()))
    return 'good', _fields(png(width, height, depth, colour, body)), None


def _odd_chunks(rng: np.random.Generator) -> Made:
    """Return a PNG with chunks of nonsense before its picture."""
    kinds = (b'iCCP', b'zTXt', b'iTXt', b'gAMA', b'cHRM', b'eXIf', b'tRNS', b'acTL', b'fcTL')
    extra = b''.join(
        chunk(kinds[rng.integers(len(kinds))], rng.bytes(int(rng.integers(60))))
        for _ in range(rng.integers(1, 5))
    )
    rows = chunk(b'IDAT', zlib.compress(bytes(4 * 13)))
    return 'either', _fields(png(4, 4, 8, 2, extra + rows)), None


def _odd_exif(rng: np.random.Generator) -> Made:
    """Return a JPEG with an EXIF segment of nonsense."""
    data = _any_file(rng, 'jpeg')[1]
    orders = (b'II*\x00\x08\x00\x00\x00', b'MM\x00*\x00\x00\x00\x08', b'')
    body = b'Exif\x00\x00' + orders[rng.integers(3)] + rng.bytes(int(rng.integers(80)))
    segment = b'\xff\xe1' + struct.pack('>H', len(body) + 2) + body
    return 'good', _fields(data[:2] + segment + data[2:]), None


def with_scans(data: bytes, count: int) -> bytes:
    """Return a progressive JPEG with its last scan repeated; a small file, much work.

    Args:
        data: The file.
        count: How often.
    """
    last = data.rindex(b'\xff\xda')
    return data[:-2] + data[last:-2] * count + data[-2:]


def _many_scans(rng: np.random.Generator) -> Made:
    """Return a progressive JPEG with a few scans too many, or with far too many."""
    data = _any_file(rng, 'progressive')[1]
    few = bool(rng.integers(2))
    count = int(rng.integers(1, 15) if few else rng.integers(32, 100))
    return 'good' if few else 'bad', _fields(with_scans(data, count)), None


CODED_TRICKS: dict[str, Trick] = {
    'whole': _whole,
    'known colours': _known_colours,
    'cut short': _cut,
    'bytes changed': _flipped,
    'bytes changed in the head': _flipped_head,
    'spliced': _spliced,
    'followed by something': _followed,
    'no picture': _no_picture,
    'noise': _noise,
    'odd format': _odd_format,
    'huge PNG': _huge_png,
    'another size announced': _resized,
    'rare PNG': _rare_png,
    'odd chunks': _odd_chunks,
    'odd EXIF': _odd_exif,
    'many scans': _many_scans,
}
