# SPDX-License-Identifier: Apache-2.0
"""Image messages become RGB: against arithmetic on single pixels, never against OpenCV itself."""

from __future__ import annotations

import array
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import cv2
from hypothesis import given, settings, strategies
import numpy as np
import pytest

from seg_node.errors import ImageError
from seg_node.imaging import MAX_PIXELS, rgb_pixels
from seg_node.imaging.encodings import ENCODINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

HEIGHT, WIDTH = 6, 8


def message(
    encoding: str, values: npt.NDArray[Any], *, pad: int = 0, width: int = WIDTH, **changes: Any
) -> SimpleNamespace:
    """Make an image message from (rows, ...) values; ``pad`` bytes of 0xAB end each row."""
    rows = np.ascontiguousarray(values).view(np.uint8).reshape(values.shape[0], -1)
    padded = np.pad(rows, ((0, 0), (0, pad)), constant_values=0xAB)
    fields = {
        'height': HEIGHT,
        'width': width,
        'encoding': encoding,
        'is_bigendian': values.dtype.byteorder == '>',
        'step': padded.shape[1],
        'data': array.array('B', padded.tobytes()),
    }
    return SimpleNamespace(**{**fields, **changes})


@pytest.fixture
def colours() -> npt.NDArray[np.uint8]:
    """Return (H, W, 3) random RGB."""
    return np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def with_alpha(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([pixels, np.full_like(pixels[..., :1], 9)], axis=2)


def wide(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Return levels of 0..65535 that are these levels of 0..255."""
    return pixels.astype(np.uint16) * 257


COLOUR_LAYOUTS: dict[str, Callable[[npt.NDArray[np.uint8]], npt.NDArray[Any]]] = {
    'rgb8': lambda rgb: rgb,
    'bgr8': lambda rgb: rgb[..., ::-1],
    '8UC3': lambda rgb: rgb[..., ::-1],
    'rgba8': with_alpha,
    'bgra8': lambda rgb: with_alpha(rgb[..., ::-1]),
    '8UC4': lambda rgb: with_alpha(rgb[..., ::-1]),
    'rgb16': wide,
    'bgr16': lambda rgb: wide(rgb[..., ::-1]),
    '16UC3': lambda rgb: wide(rgb[..., ::-1]),
    'rgba16': lambda rgb: with_alpha(wide(rgb)),
    'bgra16': lambda rgb: with_alpha(wide(rgb[..., ::-1])),
    '16UC4': lambda rgb: with_alpha(wide(rgb[..., ::-1])),
    '32FC3': lambda rgb: (rgb[..., ::-1] / 255).astype(np.float32),
}
GRAY_LAYOUTS: dict[str, Callable[[npt.NDArray[np.uint8]], npt.NDArray[Any]]] = {
    'mono8': lambda gray: gray,
    '8UC1': lambda gray: gray,
    'mono16': wide,
    '16UC1': wide,
    '32FC1': lambda gray: (gray / 255).astype(np.float32),
}


@pytest.mark.parametrize('pad', [0, 8], ids=['tight', 'padded'])
@pytest.mark.parametrize('encoding', COLOUR_LAYOUTS)
def test_rgb_pixels_returns_the_colours(
    encoding: str, pad: int, colours: npt.NDArray[np.uint8]
) -> None:
    values = COLOUR_LAYOUTS[encoding](colours)

    pixels = rgb_pixels(message(encoding, values, pad=pad))

    np.testing.assert_array_equal(pixels, colours)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize('pad', [0, 8], ids=['tight', 'padded'])
@pytest.mark.parametrize('encoding', GRAY_LAYOUTS)
def test_rgb_pixels_returns_grey_as_three_equal_channels(
    encoding: str, pad: int, colours: npt.NDArray[np.uint8]
) -> None:
    gray = colours[..., 0]

    pixels = rgb_pixels(message(encoding, GRAY_LAYOUTS[encoding](gray), pad=pad))

    np.testing.assert_array_equal(pixels, np.stack([gray] * 3, axis=2))


@pytest.mark.parametrize('encoding', ['rgb16', 'mono16', '32FC3', 'bayer_rggb16'])
def test_rgb_pixels_is_the_same_for_either_byte_order(encoding: str) -> None:
    rng = np.random.default_rng(3)
    values: npt.NDArray[Any] = rng.integers(
        0, 65536, (HEIGHT, WIDTH, ENCODINGS[encoding].channels)
    )
    values = (values / 65535).astype('<f4') if encoding == '32FC3' else values.astype('<u2')

    little = rgb_pixels(message(encoding, values))
    big = rgb_pixels(message(encoding, values.astype(values.dtype.newbyteorder('>'))))

    np.testing.assert_array_equal(little, big)
    assert np.unique(little).size > 10


def test_sixteen_bits_are_rounded_to_the_nearest_of_256_levels() -> None:
    values = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) * 1367

    pixels = rgb_pixels(message('mono16', values))

    expected = [[round(int(value) * 255 / 65535) for value in row] for row in values]
    np.testing.assert_array_equal(pixels[..., 0], expected)


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_bayer_mosaic_of_one_colour_decodes_to_that_colour(pattern: str, bits: int) -> None:
    """OpenCV names the patterns differently from ROS; a mix-up exchanges red and blue."""
    levels = {'r': 200, 'g': 100, 'b': 30}
    mosaic = np.empty((HEIGHT, WIDTH), np.uint8)
    for index, colour in enumerate(pattern):
        mosaic[index // 2 :: 2, index % 2 :: 2] = levels[colour]

    values = mosaic if bits == 8 else wide(mosaic)
    pixels = rgb_pixels(message(f'bayer_{pattern}{bits}', values))

    np.testing.assert_array_equal(pixels, np.full((HEIGHT, WIDTH, 3), [200, 100, 30]))


def yuv_to_rgb(luma: int, blue: int, red: int) -> list[float]:
    """Convert one pixel after ITU-R BT.601, video range."""
    y, pb, pr = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    rgb = (y + 1.402 * pr, y - 0.344136 * pb - 0.714136 * pr, y + 1.772 * pb)
    return [min(max(255 * value, 0), 255) for value in rgb]


def slow_rgb(
    luma: npt.NDArray[np.uint8], chroma: npt.NDArray[np.uint8], shares: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Convert pixel by pixel; ``shares`` pixels (down, across) have one (blue, red) pair."""
    down, across = shares
    rgb = np.empty((HEIGHT, WIDTH, 3))
    for y, x in np.ndindex(HEIGHT, WIDTH):
        blue, red = chroma[y // down, x // across].tolist()
        rgb[y, x] = yuv_to_rgb(int(luma[y, x]), blue, red)
    return rgb


@pytest.mark.parametrize('pad', [0, 6], ids=['tight', 'padded'])
@pytest.mark.parametrize('encoding', ['uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2'])
def test_packed_yuv_is_converted_as_bt601(encoding: str, pad: int) -> None:
    rng = np.random.default_rng(1)
    luma = rng.integers(16, 236, (HEIGHT, WIDTH), np.uint8)
    chroma = rng.integers(16, 241, (HEIGHT, WIDTH // 2, 2), np.uint8)
    packed = np.empty((HEIGHT, WIDTH, 2), np.uint8)
    first = 1 if encoding in {'uyvy', 'yuv422'} else 0
    packed[..., first] = luma
    packed[..., 1 - first] = chroma.reshape(HEIGHT, WIDTH)

    pixels = rgb_pixels(message(encoding, packed, pad=pad))

    np.testing.assert_allclose(pixels, slow_rgb(luma, chroma, (1, 2)), atol=2)


@pytest.mark.parametrize('pad', [0, 6], ids=['tight', 'padded'])
@pytest.mark.parametrize('encoding', ['nv12', 'nv21', 'nv24'])
def test_planar_yuv_is_converted_as_bt601(encoding: str, pad: int) -> None:
    rng = np.random.default_rng(2)
    share = 1 if encoding == 'nv24' else 2
    luma = rng.integers(16, 236, (HEIGHT, WIDTH), np.uint8)
    chroma = rng.integers(16, 241, (HEIGHT // share, WIDTH // share, 2), np.uint8)
    stored = chroma[..., ::-1] if encoding == 'nv21' else chroma

    rows = np.concatenate([luma, stored.reshape(-1, WIDTH)])
    pixels = rgb_pixels(message(encoding, rows, pad=pad))

    np.testing.assert_allclose(pixels, slow_rgb(luma, chroma, (share, share)), atol=2)


@pytest.mark.parametrize('pad', [0, 6], ids=['tight', 'padded'])
def test_rgb8_is_a_view_of_the_message(pad: int, colours: npt.NDArray[np.uint8]) -> None:
    frame = message('rgb8', colours, pad=pad)

    pixels = rgb_pixels(frame)

    assert np.shares_memory(pixels, np.frombuffer(frame.data, np.uint8))


@pytest.mark.parametrize(
    'wrap',
    [bytes, bytearray, lambda data: memoryview(bytes(data)), np.array],
    ids=['bytes', 'bytearray', 'memoryview', 'numpy'],
)
def test_data_may_be_any_buffer(
    wrap: Callable[[Any], Any], colours: npt.NDArray[np.uint8]
) -> None:
    frame = message('bgr8', colours[..., ::-1])
    frame.data = wrap(frame.data)

    np.testing.assert_array_equal(rgb_pixels(frame), colours)


def test_data_may_lie_at_an_odd_address(colours: npt.NDArray[np.uint8]) -> None:
    frame = message('rgb16', wide(colours))
    frame.data = np.frombuffer(b'x' + bytes(frame.data), np.uint8)[1:]

    np.testing.assert_array_equal(rgb_pixels(frame), colours)


@pytest.mark.parametrize(
    ('encoding', 'changes', 'text'),
    [
        ('rgb8', {'height': 0}, r'0 x 8 \(height x width\); both must be at least 1'),
        ('rgb8', {'width': 0}, r'6 x 0 \(height x width\)'),
        ('rgb8', {'height': 65536, 'width': 65536}, f'at most {MAX_PIXELS} pixels'),
        ('rgb8', {'step': 0, 'data': b''}, 'a step of 0 bytes; .* need at least 24'),
        ('rgb8', {'step': 23, 'data': bytes(23 * 6)}, 'a step of 23 bytes'),
        ('mono16', {'step': 17, 'data': bytes(17 * 6)}, 'in multiples of 2'),
        ('rgb8', {'data': bytes(143)}, '143 bytes of data; .* needs 6 rows, 144 bytes'),
        ('rgb8', {'data': bytes(145)}, '145 bytes of data'),
        ('rgb8', {'data': b''}, '0 bytes of data'),
        ('rgb8', {'data': [1, 2, 3]}, 'a list that cannot be read as bytes'),
        ('rgb8', {'data': None}, 'a NoneType that cannot be read as bytes'),
        ('uyvy', {'width': 7}, 'multiples of 1 x 2'),
        ('nv21', {'height': 5}, 'multiples of 2 x 2'),
        ('bayer_rggb8', {'height': 2}, 'needs at least 3 x 3'),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rgb_pixels_says_what_is_wrong(encoding: str, changes: dict[str, Any], text: str) -> None:
    values = np.zeros((HEIGHT, WIDTH, ENCODINGS[encoding].channels), ENCODINGS[encoding].kind)

    with pytest.raises(ImageError, match=text):
        rgb_pixels(message(encoding, values, **changes))


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (np.nan, 'NaN or infinite'),
        (np.inf, 'NaN or infinite'),
        (-np.inf, 'NaN or infinite'),
        (7.5, r'from 0 to 7.5; expected 0..1.*depth'),
        (-0.5, 'from -0.5 to 0'),
    ],
)
def test_float_images_outside_0_to_1_are_refused(value: float, text: str) -> None:
    values = np.zeros((HEIGHT, WIDTH), np.float32)
    values[3, 5] = value

    with pytest.raises(ImageError, match=text):
        rgb_pixels(message('32FC1', values))


def test_float_images_may_miss_0_and_1_by_rounding() -> None:
    values = np.zeros((HEIGHT, WIDTH), np.float32)
    values[0, :2] = 1.0005, -0.0005

    assert rgb_pixels(message('32FC1', values))[0, :3, 0].tolist() == [255, 0, 0]


@settings(deadline=None, max_examples=200)
@given(
    encoding=strategies.sampled_from(sorted(ENCODINGS)),
    height=strategies.integers(0, 9),
    width=strategies.integers(0, 9),
    padding=strategies.integers(-1, 5),
    surplus=strategies.sampled_from([0, 0, 0, -1, 1]),
    is_bigendian=strategies.booleans(),
)
def test_any_message_gives_pixels_or_an_image_error(
    encoding: str, height: int, width: int, padding: int, surplus: int, *, is_bigendian: bool
) -> None:
    kind = ENCODINGS[encoding]
    step = max(width * kind.channels * int(kind.kind[1]) + padding, 0)
    rows = height * kind.rows[0] // kind.rows[1]
    frame = SimpleNamespace(
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=is_bigendian,
        step=step,
        data=bytes(max(step * rows + surplus, 0)),
    )

    try:
        pixels = rgb_pixels(frame)
    except ImageError as err:
        assert padding or surplus or min(height, width) < 3 or height % 2 or width % 2, err  # noqa: PT017
    else:
        assert pixels.shape == (height, width, 3)
        assert pixels.dtype == np.uint8
        assert padding >= 0
        assert surplus == 0


def test_an_error_of_opencv_is_an_error_of_the_image(
    monkeypatch: pytest.MonkeyPatch, colours: npt.NDArray[np.uint8]
) -> None:
    def refuse(*_: object) -> None:
        msg = 'no such luck'
        raise cv2.error(msg)

    monkeypatch.setattr(cv2, 'cvtColor', refuse)

    with pytest.raises(ImageError, match=r"cannot decode 'bgr8' of 6 x 8 \(.*\): no such luck"):
        rgb_pixels(message('bgr8', colours))


@pytest.mark.needs_rosbags
def test_messages_of_rosbags_are_decoded(colours: npt.NDArray[np.uint8]) -> None:
    from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415 - may be absent

    store = get_typestore(Stores.ROS2_HUMBLE)
    header = store.types['std_msgs/msg/Header'](
        stamp=store.types['builtin_interfaces/msg/Time'](sec=1, nanosec=2), frame_id='camera'
    )
    made = store.types['sensor_msgs/msg/Image'](
        header=header,
        height=HEIGHT,
        width=WIDTH,
        encoding='bgr8',
        is_bigendian=0,
        step=WIDTH * 3,
        data=np.ascontiguousarray(colours[..., ::-1]).reshape(-1),
    )

    raw = store.serialize_cdr(made, 'sensor_msgs/msg/Image')
    received: Any = store.deserialize_cdr(raw, 'sensor_msgs/msg/Image')

    np.testing.assert_array_equal(rgb_pixels(received), colours)
