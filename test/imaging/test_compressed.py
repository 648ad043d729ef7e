# SPDX-License-Identifier: Apache-2.0
"""Compressed image messages: PNG files are written here byte by byte, as an independent truth."""

from __future__ import annotations

import array
import struct
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING
import zlib

import cv2
import numpy as np
import pytest

from seg_node.errors import ImageError
from seg_node.imaging import decode_compressed
from seg_node.imaging.headers import Header, read_header

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

GRAY, COLOUR, GRAY_ALPHA, COLOUR_ALPHA = 0, 2, 4, 6  # PNG colour types
SIZE = (24, 40)


def png(pixels: npt.NDArray[Any], colour_type: int) -> bytes:
    """Write a PNG file as its specification says, filter type 0."""
    rows = pixels.astype('>u2' if pixels.dtype == np.uint16 else 'u1').reshape(len(pixels), -1)
    lines = b''.join(b'\0' + row.tobytes() for row in rows)
    header = struct.pack(
        '>IIBBBBB', pixels.shape[1], pixels.shape[0], 8 * pixels.itemsize, colour_type, 0, 0, 0
    )
    chunks = [(b'IHDR', header), (b'IDAT', zlib.compress(lines)), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*parts) for parts in chunks)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))


def message(data: bytes, text: str = 'png') -> SimpleNamespace:
    return SimpleNamespace(format=text, data=array.array('B', data))


@pytest.fixture
def colours() -> npt.NDArray[np.uint8]:
    """Return (H, W, 3) RGB, smooth, so that JPEG keeps it, and red at the left."""
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    planes = [250 - 6 * columns, 8 * rows, 40 + 2 * columns]
    return np.stack(planes, axis=2).astype(np.uint8)


def encoded(pixels: npt.NDArray[Any], codec: str) -> bytes:
    """Let OpenCV write what it takes for blue, green, red."""
    done, data = cv2.imencode(f'.{codec}', pixels)
    assert done
    return data.tobytes()


PNG_KINDS: dict[str, tuple[int, Callable[[npt.NDArray[np.uint8]], npt.NDArray[Any]]]] = {
    'colour': (COLOUR, lambda rgb: rgb),
    'colour16': (COLOUR, lambda rgb: rgb.astype(np.uint16) * 257),
    'alpha': (COLOUR_ALPHA, lambda rgb: np.dstack([rgb, rgb[..., :1]])),
    'alpha16': (COLOUR_ALPHA, lambda rgb: np.dstack([rgb, rgb[..., :1]]).astype(np.uint16) * 257),
}
GRAY_KINDS: dict[str, tuple[int, Callable[[npt.NDArray[np.uint8]], npt.NDArray[Any]]]] = {
    'grey': (GRAY, lambda rgb: rgb[..., 0]),
    'grey16': (GRAY, lambda rgb: rgb[..., 0].astype(np.uint16) * 257),
    'grey_alpha': (GRAY_ALPHA, lambda rgb: rgb[..., :2]),
}


@pytest.mark.parametrize('kind', PNG_KINDS)
def test_png_decodes_to_its_colours(kind: str, colours: npt.NDArray[np.uint8]) -> None:
    colour_type, layout = PNG_KINDS[kind]

    pixels = decode_compressed(message(png(layout(colours), colour_type)))

    np.testing.assert_array_equal(pixels, colours)


@pytest.mark.parametrize('kind', GRAY_KINDS)
def test_grey_png_decodes_to_three_equal_channels(
    kind: str, colours: npt.NDArray[np.uint8]
) -> None:
    colour_type, layout = GRAY_KINDS[kind]

    pixels = decode_compressed(message(png(layout(colours), colour_type)))

    np.testing.assert_array_equal(pixels, np.repeat(colours[..., :1], 3, axis=2))


@pytest.mark.parametrize(
    'text',
    ['jpeg', 'jpg', '', 'rgb8; jpeg compressed bgr8', 'bgr8; jpeg compressed bgr8'],
)
def test_jpeg_decodes_to_its_colours(text: str, colours: npt.NDArray[np.uint8]) -> None:
    data = encoded(colours[..., ::-1], 'jpeg')

    pixels = decode_compressed(message(data, text))

    np.testing.assert_allclose(pixels, colours.astype(int), atol=12)


def test_grey_jpeg_decodes_to_three_equal_channels(colours: npt.NDArray[np.uint8]) -> None:
    data = encoded(colours[..., 0], 'jpeg')

    pixels = decode_compressed(message(data, 'mono8; jpeg compressed mono8'))

    np.testing.assert_allclose(pixels, np.repeat(colours[..., :1], 3, axis=2).astype(int), atol=6)


def test_webp_decodes_to_its_colours(colours: npt.NDArray[np.uint8]) -> None:
    done, data = cv2.imencode('.webp', colours[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])

    assert done  # quality above 100 is lossless
    np.testing.assert_array_equal(decode_compressed(message(data.tobytes(), 'webp')), colours)


def test_format_may_say_that_red_and_blue_are_exchanged(colours: npt.NDArray[np.uint8]) -> None:
    """compressed_image_transport writes and reads 'compressed rgb8' that way."""
    data = png(np.ascontiguousarray(colours[..., ::-1]), COLOUR)

    pixels = decode_compressed(message(data, 'rgb8; png compressed rgb8'))

    np.testing.assert_array_equal(pixels, colours)


@pytest.mark.parametrize('bits', [8, 16])
def test_bayer_mosaic_in_a_png_is_decoded(bits: int) -> None:
    """compressed_image_transport puts the mosaic itself into a PNG."""
    mosaic = np.empty(SIZE, np.uint16)
    mosaic[::2, ::2], mosaic[1::2, 1::2] = 200, 30  # red and blue of rggb
    mosaic[::2, 1::2] = mosaic[1::2, ::2] = 100
    values = mosaic.astype(np.uint8) if bits == 8 else mosaic * np.uint16(257)

    pixels = decode_compressed(message(png(values, GRAY), f'bayer_rggb{bits}; png compressed '))

    np.testing.assert_array_equal(pixels, np.full((*SIZE, 3), [200, 100, 30]))


def test_bayer_camera_in_a_jpeg_is_grey(colours: npt.NDArray[np.uint8]) -> None:
    """compressed_image_transport turns the mosaic into a grey picture before JPEG."""
    data = encoded(colours[..., 0], 'jpeg')

    pixels = decode_compressed(message(data, 'bayer_rggb8; jpeg compressed mono8'))

    np.testing.assert_allclose(pixels, np.repeat(colours[..., :1], 3, axis=2).astype(int), atol=6)


@pytest.mark.parametrize('codec', ['jpeg', 'png', 'webp'])
def test_read_header_returns_the_size(codec: str, colours: npt.NDArray[np.uint8]) -> None:
    assert read_header(encoded(colours, codec)) == Header(codec, *SIZE)


@pytest.mark.parametrize('codec', ['jpeg', 'png', 'webp'])
def test_an_image_cut_short_anywhere_is_refused(
    codec: str, colours: npt.NDArray[np.uint8]
) -> None:
    data = encoded(colours, codec)

    for length in (*range(0, len(data), max(len(data) // 50, 1)), len(data) - 1):
        with pytest.raises(ImageError, match=r'damaged|starts with'):
            decode_compressed(message(data[:length], codec))


def test_a_thumbnail_does_not_pass_for_the_end_of_a_jpeg(colours: npt.NDArray[np.uint8]) -> None:
    data = encoded(colours, 'jpeg')
    thumbnail = b'\xff\xe1' + struct.pack('>H', 2 + len(data)) + data
    whole = data[:2] + thumbnail + data[2:]

    assert decode_compressed(message(whole)).shape == (*SIZE, 3)
    with pytest.raises(ImageError, match='the JPEG has no end'):
        decode_compressed(message(whole[:-40]))


def test_zeros_after_the_end_of_a_jpeg_are_ignored(colours: npt.NDArray[np.uint8]) -> None:
    """Cameras send buffers of a fixed length."""
    data = encoded(colours, 'jpeg') + bytes(100)

    assert decode_compressed(message(data)).shape == (*SIZE, 3)


def test_a_changed_byte_in_a_png_is_noticed(colours: npt.NDArray[np.uint8]) -> None:
    data = bytearray(png(colours, COLOUR))
    data[len(data) // 2] ^= 1

    with pytest.raises(ImageError, match=r"wrong checksum in PNG chunk b'IDAT'"):
        decode_compressed(message(bytes(data)))


def test_a_png_with_too_few_pixels_is_refused(colours: npt.NDArray[np.uint8]) -> None:
    lines = zlib.compress(b'\0' * 50)
    header = struct.pack('>IIBBBBB', SIZE[1], SIZE[0], 8, COLOUR, 0, 0, 0)
    body = chunk(b'IHDR', header) + chunk(b'IDAT', lines) + chunk(b'IEND', b'')

    with pytest.raises(ImageError, match='damaged'):
        decode_compressed(message(png(colours, COLOUR)[:8] + body))


def test_absurd_sizes_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    header = struct.pack('>IIBBBBB', 60_000, 60_000, 8, COLOUR, 0, 0, 0)
    bomb = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IEND', b'')
    jpeg = bytearray(encoded(np.zeros((*SIZE, 3), np.uint8), 'jpeg'))
    at = jpeg.index(b'\xff\xc0') + 5
    jpeg[at : at + 4] = struct.pack('>HH', 65_535, 65_535)
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('decoded an absurd image'))

    for data in (bomb, bytes(jpeg)):
        with pytest.raises(ImageError, match=r'\d+ x \d+ \(height x width\); at most'):
            decode_compressed(message(data))


@pytest.mark.parametrize(
    ('data', 'text', 'words'),
    [
        (b'', 'jpeg', "starts with b''; expected a JPEG, PNG or WebP"),
        (b'II*\0' + bytes(50), 'rgb8; tiff compressed ', 'expected a JPEG, PNG or WebP'),
        (b'\xff\xd8\xff' + bytes(50), 'jpeg', 'damaged'),
        (bytes(50), '16UC1; compressedDepth png', 'a depth image'),
    ],
    ids=['empty', 'tiff', 'junk', 'depth'],
)
def test_decode_compressed_says_what_is_wrong(data: bytes, text: str, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        decode_compressed(message(data, text))


@pytest.mark.parametrize('seed', range(3))
def test_random_damage_never_escapes_as_another_error(
    seed: int, colours: npt.NDArray[np.uint8]
) -> None:
    rng = np.random.default_rng(seed)
    for codec in ('jpeg', 'png', 'webp'):
        data = np.frombuffer(encoded(colours, codec), np.uint8).copy()
        data[rng.integers(0, data.size, 6)] = rng.integers(0, 256, 6)
        try:
            pixels = decode_compressed(message(data.tobytes(), codec))
        except ImageError as err:
            assert len(str(err)) > 20  # noqa: PT017 - damage may go unnoticed, too
        else:
            assert pixels.shape == (*SIZE, 3)


def test_a_jpeg_that_repeats_its_scans_is_refused(colours: npt.NDArray[np.uint8]) -> None:
    """A thousand scans in 16 kB would take 0.7 s at 1280 x 720, and a minute at 64 megapixels."""
    coded = cv2.imencode('.jpg', colours, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = coded.rindex(b'\xff\xda')

    assert decode_compressed(message(coded, 'jpeg')).shape == (*SIZE, 3)
    with pytest.raises(ImageError, match='scans, more than 32'):
        decode_compressed(message(coded[:-2] + 40 * coded[last:-2] + coded[-2:], 'jpeg'))
