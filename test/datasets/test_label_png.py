# SPDX-License-Identifier: Apache-2.0
"""Label PNGs of every kind, written byte by byte after the PNG specification."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
import zlib

import cv2
import numpy as np
import pytest

from seg_node.datasets.label_png import read_label_png
from seg_node.datasets.png_kind import is_palette_png
from seg_node.errors import DatasetError

from .conftest import absurd_png

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

GREY, COLOUR, PALETTE = 0, 2, 3


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))


def png(labels: npt.NDArray[np.uint8], depth: int, kind: int) -> bytes:
    """Encode ids with 1, 2, 4 or 8 bit each; a palette has a random colour for each id."""
    height, width = labels.shape
    bits = np.unpackbits(labels[..., None], axis=2)[..., 8 - depth :].reshape(height, -1)
    rows = np.packbits(bits, axis=1)
    lines = b''.join(b'\0' + row.tobytes() for row in rows)
    header = struct.pack('>IIBBBBB', width, height, depth, kind, 0, 0, 0)
    colours = np.random.default_rng(0).integers(0, 256, 3 * 2**depth).astype(np.uint8).tobytes()
    palette = chunk(b'PLTE', colours) + chunk(b'tRNS', b'\0') if kind == PALETTE else b''
    body = chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + palette + body


@pytest.mark.parametrize('kind', [GREY, PALETTE], ids=['grey', 'palette'])
@pytest.mark.parametrize('depth', [1, 2, 4, 8])
def test_read_label_png_gives_the_stored_numbers(tmp_path: Path, depth: int, kind: int) -> None:
    labels = np.random.default_rng(depth).integers(0, 2**depth, (7, 13)).astype(np.uint8)
    path = tmp_path / 'labels.png'
    path.write_bytes(png(labels, depth, kind))

    stored = read_label_png(path)

    assert stored.dtype == np.uint8
    assert np.array_equal(stored, labels)
    assert is_palette_png(path) == (kind == PALETTE)


@pytest.mark.parametrize(
    ('pixels', 'words'),
    [
        pytest.param(np.zeros((4, 4, 3), np.uint8), r'8 bit colour \(RGB\) PNG', id='colour'),
        pytest.param(np.zeros((4, 4, 4), np.uint8), '8 bit RGBA PNG', id='alpha'),
        pytest.param(np.zeros((4, 4), np.uint16), '16 bit grey PNG', id='16-bit'),
    ],
)
def test_read_label_png_refuses_what_holds_no_ids(
    tmp_path: Path, pixels: npt.NDArray[np.uint8], words: str
) -> None:
    path = tmp_path / 'labels.png'
    cv2.imwrite(str(path), pixels)

    with pytest.raises(DatasetError, match=f'labels.png.*{words}; expected one class id'):
        read_label_png(path)


def test_read_label_png_says_that_a_file_is_no_png(tmp_path: Path) -> None:
    path = tmp_path / 'labels.png'
    path.write_bytes(b'\xff\xd8\xff\xe0 a JPEG of another name')

    with pytest.raises(DatasetError, match=r'not a PNG file.*Save the labels as PNG'):
        read_label_png(path)


@pytest.mark.parametrize('kind', [GREY, PALETTE], ids=['grey', 'palette'])
def test_read_label_png_says_that_a_file_is_damaged(tmp_path: Path, kind: int) -> None:
    path = tmp_path / 'labels.png'
    path.write_bytes(png(np.zeros((40, 40), np.uint8), 8, kind)[:50])

    with pytest.raises(DatasetError, match='is damaged'):
        read_label_png(path)


def test_read_label_png_says_that_a_file_of_absurd_size_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / 'labels.png'
    path.write_bytes(absurd_png())

    with pytest.raises(DatasetError, match='is damaged'):
        read_label_png(path)


@pytest.mark.parametrize('position', [200, -30], ids=['pixels', 'end'])
def test_read_label_png_notices_a_changed_byte_of_a_palette_png(
    tmp_path: Path, position: int
) -> None:
    """Its header is rewritten; the sum over the pixels still has to hold."""
    path = tmp_path / 'labels.png'
    labels = np.random.default_rng(0).integers(0, 16, (40, 40)).astype(np.uint8)
    data = bytearray(png(labels, 4, PALETTE))
    data[position] ^= 0x11
    path.write_bytes(data)

    with pytest.raises(DatasetError, match='is damaged'):
        read_label_png(path)


def test_read_label_png_says_that_a_file_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match='cannot be read: No such file'):
        read_label_png(tmp_path / 'labels.png')
