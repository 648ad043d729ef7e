# SPDX-License-Identifier: Apache-2.0
"""Images are fitted to the network, and the way back is known exactly."""

from __future__ import annotations

import json
import tracemalloc
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import cv2
from hypothesis import given, settings, strategies
import numpy as np
import pytest

from imaging.ways import taking, WAYS
from seg_node.imaging import finish, Fitter, InputSpec, place, Placement, rgb_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.imaging.fitting import Fit

MEAN = (120.0, 110.0, 100.0)
STD = (60.0, 58.0, 57.0)


@pytest.fixture(params=WAYS)
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fit with the extension, or with OpenCV."""
    with taking(request.param):
        yield


def spec(height: int = 24, width: int = 32, fit: Fit = 'letterbox') -> InputSpec:
    return InputSpec(height, width, fit, MEAN, STD)


sides = strategies.integers(1, 200)
edges = strategies.integers(1, 30).map(lambda count: 4 * count)


@given(sides, sides, edges, edges, strategies.sampled_from(['letterbox', 'stretch']))
def test_place_stays_inside_and_on_the_grid_of_strides(
    rows: int, columns: int, height: int, width: int, fit: Fit
) -> None:
    placement = place((rows, columns), spec(height, width, fit))

    assert 0 <= placement.top <= placement.top + placement.height <= height
    assert 0 <= placement.left <= placement.left + placement.width <= width
    assert min(placement.height, placement.width) >= 4
    for edge in (placement.top, placement.left, placement.height, placement.width):
        assert edge % 4 == 0


@given(sides, sides, edges, edges)
def test_letterbox_keeps_the_aspect_ratio_within_two_pixels(
    rows: int, columns: int, height: int, width: int
) -> None:
    placement = place((rows, columns), spec(height, width))

    assert placement.height == height or placement.width == width
    wanted_height = min(width * rows / columns, height)
    wanted_width = min(height * columns / rows, width)
    assert abs(placement.height - max(wanted_height, 4)) <= 2
    assert abs(placement.width - max(wanted_width, 4)) <= 2


@given(sides, sides, edges, edges)
def test_letterbox_is_centred_within_four_pixels(
    rows: int, columns: int, height: int, width: int
) -> None:
    placement = place((rows, columns), spec(height, width))

    below = height - placement.top - placement.height
    right = width - placement.left - placement.width
    assert 0 <= below - placement.top <= 4
    assert 0 <= right - placement.left <= 4


def test_place_gives_the_rectangle_that_one_expects() -> None:
    placement = place((720, 1280), spec(360, 480))

    assert placement == Placement((720, 1280), (360, 480), 44, 0, 272, 480)


def test_place_stretches_over_the_whole_input() -> None:
    placement = place((720, 1280), spec(360, 480, 'stretch'))

    assert placement == Placement((720, 1280), (360, 480), 0, 0, 360, 480)


@pytest.mark.parametrize('size', [(0, 5), (5, 0)])
def test_place_refuses_an_image_without_pixels(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match='both must be at least 1'):
        place(size, spec())


def bilinear(image: np.ndarray[Any, Any], height: int, width: int) -> np.ndarray[Any, Any]:
    """Scale the slow way, from the definition with half-pixel centres."""
    result = np.empty((height, width, image.shape[2]))
    for y, x in np.ndindex(height, width):
        above, below, down = neighbours(y, height, image.shape[0])
        left, right, across = neighbours(x, width, image.shape[1])
        upper = image[above, left] * (1 - across) + image[above, right] * across
        lower = image[below, left] * (1 - across) + image[below, right] * across
        result[y, x] = upper * (1 - down) + lower * down
    return result


def neighbours(index: int, count: int, available: int) -> tuple[int, int, float]:
    centre = min(max((index + 0.5) * available / count - 0.5, 0.0), available - 1.0)
    first = int(centre)
    return first, min(first + 1, available - 1), centre - first


@pytest.mark.usefixtures('_way')
@pytest.mark.parametrize('size', [(20, 50), (7, 9), (24, 32), (61, 33), (1, 1)])
@pytest.mark.parametrize('fit', ['letterbox', 'stretch'])
def test_fitter_scales_bilinearly_and_pads_with_the_mean(size: tuple[int, int], fit: Fit) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)

    batch, placement = Fitter(spec(fit=fit))(image)

    expected = np.broadcast_to(np.array(MEAN), (24, 32, 3)).copy()
    rows = slice(placement.top, placement.top + placement.height)
    columns = slice(placement.left, placement.left + placement.width)
    expected[rows, columns] = bilinear(image, placement.height, placement.width)
    assert batch.shape == (1, 3, 24, 32)
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch[0].transpose(1, 2, 0), expected, atol=1.01)


@pytest.mark.usefixtures('_way')
def test_fitter_leaves_no_trace_of_an_image_of_another_size() -> None:
    tall, flat = np.full((40, 10, 3), 7, np.uint8), np.full((10, 40, 3), 9, np.uint8)
    fitter = Fitter(spec())

    fitter(tall)
    batch, _ = fitter(flat)

    fresh, _ = Fitter(spec())(flat)
    np.testing.assert_array_equal(batch, fresh)


@pytest.mark.usefixtures('_way')
def test_fitter_reuses_its_buffer() -> None:
    fitter = Fitter(spec())

    first, _ = fitter(np.zeros((40, 10, 3), np.uint8))
    second, _ = fitter(np.full((40, 10, 3), 200, np.uint8))

    assert first is second


def padded_message(size: tuple[int, int], pad: int) -> SimpleNamespace:
    """Return an rgb8 message whose rows end in some bytes of padding."""
    step = 3 * size[1] + pad
    data = np.random.default_rng(0).integers(0, 256, step * size[0], np.uint8).tobytes()
    return SimpleNamespace(
        height=size[0], width=size[1], encoding='rgb8', is_bigendian=0, step=step, data=data
    )


@pytest.mark.usefixtures('_way')
@pytest.mark.parametrize('pad', [0, 5])
@pytest.mark.parametrize('size', [(480, 640), (240, 320)], ids=['scaled', 'as large'])
def test_a_frame_is_fitted_without_a_copy_or_a_new_array(size: tuple[int, int], pad: int) -> None:
    message = padded_message(size, pad)
    fitter = Fitter(spec(240, 320))
    fitter(rgb_pixels(message))

    tracemalloc.start()
    try:
        fitter(rgb_pixels(message))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 10_000  # a plane of the network's input has 76,800 bytes


@pytest.mark.parametrize('pad', [0, 5])
@pytest.mark.parametrize(
    ('size', 'reader'), [((480, 640), 'resize'), ((240, 320), 'split')], ids=['scaled', 'as large']
)
def test_opencv_reads_the_bytes_of_the_message_itself(
    size: tuple[int, int], reader: str, pad: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = padded_message(size, pad)
    seen: list[int] = []
    original = getattr(cv2, reader)

    def spy(image: Any, *arguments: Any, **keywords: Any) -> Any:
        seen.append(image.ctypes.data)
        return original(image, *arguments, **keywords)

    monkeypatch.setattr(cv2, reader, spy)
    with taking('strips'):
        Fitter(spec(240, 320))(rgb_pixels(message))

    assert seen == [np.frombuffer(message.data, np.uint8).ctypes.data]


@pytest.mark.usefixtures('_way')
def test_fitter_takes_a_view_with_padded_rows() -> None:
    wide = np.random.default_rng(0).integers(0, 256, (30, 60, 3), np.uint8)
    view = wide[:, :40]
    view.flags.writeable = False

    batch, _ = Fitter(spec())(view)

    expected, _ = Fitter(spec())(view.copy())
    np.testing.assert_array_equal(batch, expected)


@pytest.mark.usefixtures('_way')
@pytest.mark.parametrize('width', [1, 40])
def test_fitter_takes_views_whose_pixels_lie_anywhere(width: int) -> None:
    wide = np.random.default_rng(0).integers(0, 256, (90, 120, 4), np.uint8)
    views = [
        wide[::-1, :width, :3],
        wide[::3, ::3, 2::-1][:, :width],
        wide.swapaxes(0, 1)[..., 1:],
    ]

    for view in views:
        batch, _ = Fitter(spec())(view)

        expected, _ = Fitter(spec())(np.ascontiguousarray(view))
        np.testing.assert_array_equal(batch, expected)


@settings(deadline=None, max_examples=60)
@given(sides, sides, edges, edges, strategies.sampled_from(['letterbox', 'stretch']))
def test_the_extension_gives_the_levels_of_opencv(
    rows: int, columns: int, height: int, width: int, fit: Fit
) -> None:
    image = np.random.default_rng(rows).integers(0, 256, (rows, columns, 3), np.uint8)
    with taking('strips'):
        slow, _ = Fitter(spec(height, width, fit))(image)
    with taking('native'):
        fast, placement = Fitter(spec(height, width, fit))(image)

    assert np.abs(fast - slow).max() <= 1
    assert (placement.crop(fast) == placement.crop(slow)).mean() > 0.95


@pytest.mark.parametrize(
    'image',
    [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3))],
    ids=['grey', 'alpha', 'float64'],
)
def test_fitter_refuses_what_is_not_rgb_bytes(image: Any) -> None:
    with pytest.raises(ValueError, match=r'expected \(H, W, 3\) uint8 RGB'):
        Fitter(spec())(image)


@settings(deadline=None, max_examples=40)
@given(
    strategies.tuples(strategies.integers(40, 150), strategies.integers(40, 150)),
    strategies.sampled_from([1, 2, 4]),
    strategies.sampled_from(['letterbox', 'stretch']),
)
def test_labels_of_a_pattern_survive_the_way_there_and_back(
    size: tuple[int, int], stride: int, fit: Fit
) -> None:
    """Four quadrants in four colours; a network that names the colour; odd sizes welcome."""
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :, 0] = 255
    image[height // 2 :, :, 1] = 255

    batch, placement = Fitter(spec(64, 96, fit))(image)
    pooled = batch[0, :2].reshape(2, 64 // stride, stride, 96 // stride, stride).mean(axis=(2, 4))
    right, lower = pooled / 127.5 - 1
    scores = np.stack([-right - lower, right - lower, lower - right, right + lower])
    labels = finish(scores.astype(np.float32), placement).labels

    expected = 2 * (image[..., 1] > 0) + (image[..., 0] > 0)
    blur_down = stride * height / placement.height + 1
    blur_across = stride * width / placement.width + 1
    rows = np.abs(np.arange(height) - height // 2) > blur_down
    columns = np.abs(np.arange(width) - width // 2) > blur_across
    assert rows.sum() >= 4
    assert columns.sum() >= 4
    np.testing.assert_array_equal(labels[rows][:, columns], expected[rows][:, columns])


@pytest.mark.parametrize('stride', [1, 2, 4])
def test_crop_cuts_out_what_the_image_fills(stride: int) -> None:
    placement = place((10, 40), spec())
    filled = np.zeros((2, 24, 32))
    rows = slice(placement.top, placement.top + placement.height)
    filled[:, rows, placement.left : placement.left + placement.width] = 1

    maps = filled[:, ::stride, ::stride]

    assert placement.crop(maps).size == maps.sum() > 0
    assert placement.crop(maps).all()


@pytest.mark.parametrize('size', [(8, 11), (3, 4), (24, 16)])
def test_crop_refuses_maps_of_another_network(size: tuple[int, int]) -> None:
    placement = place((10, 40), spec())

    with pytest.raises(ValueError, match=r'input of 24 x 32 .* divided by 1, 2 or 4'):
        placement.crop(np.zeros((19, *size)))


def test_input_spec_survives_json() -> None:
    values = json.loads(json.dumps(spec().to_dict()))

    assert InputSpec.from_dict(values) == spec()


@pytest.mark.parametrize(
    ('key', 'value', 'text'),
    [
        ('height', 30, 'Input height is 30; expected a multiple of 4'),
        ('width', 0, 'Input width is 0'),
        ('width', 32.0, r'Input width is 32\.0'),
        ('height', True, 'Input height is True'),
        ('fit', 'crop', "Unknown fit 'crop'; expected one of letterbox, stretch"),
        ('channel_order', 'bgr', "Unknown channel order 'bgr'; expected one of rgb"),
        ('mean', [1, 2], r'Input mean is \[1, 2\]; expected three'),
        ('mean', ['a', 2, 3], r"Input mean is \['a', 2, 3\]; expected three"),
        ('mean', [1, 2, 300], r'three RGB levels in 0..255'),
        ('std', [0.229, 0.224, 0.225], 'Multiply fractions of 1 by 255'),
        ('std', 5, 'Input std is 5; expected three'),
    ],
)
def test_input_spec_says_what_is_wrong(key: str, value: object, text: str) -> None:
    values = {**spec().to_dict(), key: value}

    with pytest.raises(ValueError, match=text):
        InputSpec.from_dict(values)


@pytest.mark.parametrize('change', [{'depth': 3}, {'mean': None}], ids=['unknown', 'missing'])
def test_input_spec_wants_exactly_its_keys(change: dict[str, object]) -> None:
    values = {**spec().to_dict(), **change}
    if change.get('mean', 0) is None:
        del values['mean']

    with pytest.raises(ValueError, match=r"expected exactly \['channel_order', 'fit', 'height'"):
        InputSpec.from_dict(values)
