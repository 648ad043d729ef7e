# SPDX-License-Identifier: Apache-2.0
"""Fitting in the extension itself: OpenCV's levels, instruction sets, and what it refuses."""

from __future__ import annotations

import ctypes
from importlib import import_module
import mmap
import os
import threading
import time
from typing import Any, TYPE_CHECKING

import cv2
from hypothesis import given, settings, strategies
import numpy as np
import pytest

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

if os.environ.get('SEG_NODE_REQUIRE_NATIVE') == '1':
    native: Any = import_module('seg_node._native')
else:
    native = pytest.importorskip('seg_node._native', reason='the extension is not built')

LEVELS = native.levels()
COLOUR = 77.5  # of the batch before
SIZES = [  # of the image, then of the result
    ((1, 1), (4, 4)),
    ((1, 1), (1, 1)),
    ((1, 50), (8, 20)),
    ((50, 1), (8, 20)),
    ((1, 3), (4, 40)),
    ((2, 2), (60, 61)),
    ((37, 41), (37, 41)),
    ((40, 64), (20, 32)),
    ((108, 192), (27, 48)),
    ((61, 33), (24, 12)),
    ((7, 9), (24, 33)),
    ((300, 7), (4, 4)),
    ((5, 2000), (4, 100)),
]

lengths = strategies.integers(1, 150)


def image_of(size: tuple[int, int], pad: int = 0) -> UInt8Array:
    """Return a read-only image of noise whose rows end in some pixels of padding."""
    draw = np.random.default_rng(size[0] + 1000 * size[1])
    image = draw.integers(0, 256, (size[0], size[1] + pad, 3), np.uint8)[:, : size[1]]
    image.flags.writeable = False
    return image


def fitted(image: UInt8Array, size: tuple[int, int], /, **changes: Any) -> Float32Array:
    """Call the extension and return the result, (height, width, 3)."""
    batch = np.full((1, 3, *size), np.nan, np.float32)
    usual = {'top': 0, 'left': 0, 'level': None}
    plan = native.plan_fit(image.shape[:2], size)
    native.fit(**{'plan': plan, 'image': image, 'batch': batch, **usual, **changes})
    return np.asarray(batch[0].transpose(1, 2, 0), np.float32)


def taps(pixels: int, available: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """Return the first neighbour of each pixel, which may be -1, and the second one's weight."""
    scale = 1.0 / (pixels / available)
    centre = ((np.arange(pixels) + 0.5) * scale - 0.5).astype(np.float32)
    first = np.floor(centre).astype(np.intp)
    return first, centre - first.astype(np.float32)


def in_whole_numbers(image: UInt8Array, size: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Scale in 2048ths as OpenCV does: columns first, and cut off twice."""
    last_row, last_column = image.shape[0] - 1, image.shape[1] - 1
    row, down = taps(size[0], image.shape[0])
    column, right = taps(size[1], image.shape[1])
    right[(column < 0) | (column >= last_column)] = 0
    weights = np.rint([(1 - right) * 2048, right * 2048]).astype(np.int64)[..., None]
    wide = image.astype(np.int64)
    sums = wide[:, column.clip(0, last_column)] * weights[0]
    sums += wide[:, (column + 1).clip(0, last_column)] * weights[1]
    sums >>= 4
    above, below = np.rint([(1 - down) * 2048, down * 2048]).astype(np.int64)[..., None, None]
    quarters = (sums[row.clip(0, last_row)] * above) >> 16
    quarters += (sums[(row + 1).clip(0, last_row)] * below) >> 16
    return np.asarray((quarters + 2) >> 2, np.int64)


def exactly(image: UInt8Array, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Scale by the definition with half-pixel centres, without rounding."""
    places = []
    for pixels, available in zip(size, image.shape[:2], strict=True):
        centre = ((np.arange(pixels) + 0.5) * available / pixels - 0.5).clip(0, available - 1)
        first = centre.astype(np.intp)
        places.append((first, np.minimum(first + 1, available - 1), (centre - first)[:, None]))
    (above, below, down), (left, right, across) = places
    rows = image[:, left] * (1 - across) + image[:, right] * across
    scaled = rows[above] * (1 - down[..., None]) + rows[below] * down[..., None]
    return np.asarray(scaled, np.float64)


@pytest.mark.parametrize('level', LEVELS)
@pytest.mark.parametrize(('available', 'size'), SIZES)
def test_levels_are_opencvs_and_near_the_definition(
    available: tuple[int, int], size: tuple[int, int], level: str
) -> None:
    image = image_of(available, pad=3)

    got = fitted(image, size, level=level)

    np.testing.assert_array_equal(got, in_whole_numbers(image, size))
    np.testing.assert_allclose(got, exactly(image, size), atol=1.1)


@settings(deadline=None, max_examples=100)
@given(strategies.tuples(lengths, lengths), strategies.tuples(lengths, lengths))
def test_any_size_gives_what_opencv_gives(
    available: tuple[int, int], size: tuple[int, int]
) -> None:
    image = image_of(available)

    results = [fitted(image, size, level=level) for level in LEVELS]

    for got in results:
        np.testing.assert_array_equal(got, in_whole_numbers(image, size))
    if available != (1, 1):  # which OpenCV 4.5 refuses
        expected = cv2.resize(image, size[::-1]).astype(np.float32)
        assert np.abs(results[0] - expected).max() <= 1
        assert (results[0] == expected).mean() > 0.95


@pytest.mark.parametrize('level', LEVELS)
def test_black_stays_black_and_white_white(level: str) -> None:
    for value in (0, 255):
        for available, size in SIZES:
            image = np.full((*available, 3), value, np.uint8)
            assert set(fitted(image, size, level=level).flat) == {value}


@pytest.mark.parametrize('level', LEVELS)
def test_rows_may_lie_anywhere(level: str) -> None:
    image = image_of((50, 70))

    upside_down = fitted(image[::-1], (20, 24), level=level)
    every_other = fitted(image[::2], (20, 24), level=level)
    the_same = fitted(np.broadcast_to(image[:1], image.shape), (20, 24), level=level)

    np.testing.assert_array_equal(upside_down, fitted(image[::-1].copy(), (20, 24)))
    np.testing.assert_array_equal(every_other, fitted(image[::2].copy(), (20, 24)))
    np.testing.assert_array_equal(the_same, fitted(np.repeat(image[:1], 50, axis=0), (20, 24)))


@pytest.mark.parametrize('level', LEVELS)
def test_nothing_is_written_beside_the_rectangle(level: str) -> None:
    image, size = image_of((90, 120)), (21, 37)
    batch = np.full((1, 3, 40, 60), COLOUR, np.float32)

    fitted(image, size, batch=batch, top=11, left=13, level=level)

    inside = batch[0, :, 11 : 11 + size[0], 13 : 13 + size[1]]
    np.testing.assert_array_equal(inside.transpose(1, 2, 0), fitted(image, size))
    assert (batch == COLOUR).sum() == batch.size - inside.size


@pytest.mark.parametrize('level', LEVELS)
@pytest.mark.parametrize('at_the_end', [True, False])
def test_no_byte_beside_the_image_is_read(level: str, *, at_the_end: bool) -> None:
    """The image touches a page that must not be read, which would end this process."""
    with mmap.mmap(-1, 3 * mmap.PAGESIZE) as memory:
        whole = np.frombuffer(memory, np.uint8)
        libc = ctypes.CDLL(None, use_errno=True)
        for page in (0, 2):
            address = ctypes.c_void_p(whole.ctypes.data + page * mmap.PAGESIZE)
            assert libc.mprotect(address, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
        middle = whole[mmap.PAGESIZE : 2 * mmap.PAGESIZE]
        for (height, width), size in SIZES:
            bytes_ = 3 * height * width
            if bytes_ > middle.size:
                continue
            image = (middle[-bytes_:] if at_the_end else middle[:bytes_]).reshape(height, width, 3)
            image[:] = image_of((height, width))
            expected = in_whole_numbers(image, size)
            np.testing.assert_array_equal(fitted(image, size, level=level), expected)
            del image
        del middle, whole


def test_other_threads_run_meanwhile() -> None:
    image = image_of((100, 100))
    work = threading.Thread(target=fitted, args=(image, (6000, 6000)))
    turns = 0

    work.start()
    while work.is_alive():
        turns += 1
        time.sleep(0.001)

    assert turns > 5


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'plan': None}, 'plan'),
        ({'plan': native.plan_fit((18, 26), (8, 12))}, 'another size'),
        ({'plan': native.plan_fit((18, 25), (9, 12))}, 'rectangle'),
        ({'image': np.zeros((18, 25, 3), np.int8)}, 'uint8'),
        ({'image': np.zeros((18, 25, 4), np.uint8)}, 'uint8'),
        ({'image': np.zeros((18, 25), np.uint8)}, 'uint8'),
        ({'image': np.zeros((18, 50, 3), np.uint8)[:, ::2]}, 'side by side'),
        ({'image': np.zeros((18, 25, 3), np.uint8)[..., ::-1]}, 'side by side'),
        ({'batch': np.zeros((1, 3, 8, 12))}, 'float32'),
        ({'batch': np.zeros((3, 8, 12), np.float32)}, 'batch'),
        ({'batch': np.zeros((1, 4, 8, 12), np.float32)}, 'batch'),
        ({'batch': np.zeros((2, 3, 8, 12), np.float32)}, 'batch'),
        ({'batch': np.zeros((1, 3, 0, 12), np.float32)}, 'rectangle'),
        ({'batch': np.zeros((1, 3, 12, 8), np.float32).swapaxes(2, 3)}, 'contiguous'),
        ({'top': 1}, 'rectangle'),
        ({'left': -1}, 'rectangle'),
        ({'left': 2**62}, 'rectangle'),
        ({'level': 'altivec'}, 'altivec'),
    ],
)
def test_wrong_arguments_are_refused_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fitted(image_of((18, 25)), (8, 12), **changes)


@pytest.mark.parametrize('length', [0, -1, 2**28 + 1, 2**62])
@pytest.mark.parametrize('place', range(4))
def test_sizes_that_no_image_has_are_refused(length: int, place: int) -> None:
    sizes = [18, 25, 8, 12]
    sizes[place] = length

    with pytest.raises(ValueError, match='no pixels, or is too large'):
        native.plan_fit(tuple(sizes[:2]), tuple(sizes[2:]))


def test_a_batch_that_cannot_be_written_is_refused() -> None:
    batch = np.zeros((1, 3, 8, 12), np.float32)
    batch.flags.writeable = False

    with pytest.raises((ValueError, BufferError), match='read-only'):
        fitted(image_of((18, 25)), (8, 12), batch=batch)
