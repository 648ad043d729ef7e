# SPDX-License-Identifier: Apache-2.0
"""Small label maps against their definition, pixel by pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from seg_node.imaging.decimation import (
    decimate,
    decimate_labels,
    decimation_factor,
    obstacle_order,
    PIXEL_LIMIT,
)
from seg_node.taxonomy import load_taxonomy

CITYSCAPES = load_taxonomy('cityscapes19')
UInt8Array = npt.NDArray[np.uint8]


def rank(label: int) -> tuple[int, int]:
    """Return what decides between labels, in words of the taxonomy; larger wins."""
    if label == 255:
        return 1, 0
    one = CITYSCAPES.classes[label]
    level = 0 if one.drivable else {'stuff': 2, 'thin': 3, 'object': 4}[one.kind]
    return level, -label


def by_definition(
    labels: UInt8Array, confidence: UInt8Array, factor: int
) -> tuple[UInt8Array, UInt8Array]:
    """Look at every pixel of every window; the last ones reach to the border of the image."""
    height, width = labels.shape
    small = np.zeros((height // factor, width // factor), np.uint8)
    sure = np.zeros_like(small)
    reach = factor // 2

    def window(index: int, count: int, side: int) -> range:
        end = side if index == count - 1 else index * factor + reach + 1
        return range(max(index * factor - reach, 0), min(end, side))

    for i in range(small.shape[0]):
        for j in range(small.shape[1]):
            pixels = [
                (int(labels[y, x]), int(confidence[y, x]))
                for y in window(i, small.shape[0], height)
                for x in window(j, small.shape[1], width)
            ]
            small[i, j], sure[i, j] = max(pixels, key=lambda one: (rank(one[0]), one[1]))
    return small, sure


def noise(size: tuple[int, int], seed: int = 0) -> tuple[UInt8Array, UInt8Array]:
    generator = np.random.default_rng(seed)
    ids = np.array([*range(19), 255], np.uint8)
    # mostly road, so that rare labels have something to win against
    labels = np.where(generator.random(size) < 0.9, 0, generator.choice(ids, size))
    return labels.astype(np.uint8), generator.integers(0, 256, size, np.uint8)


@pytest.mark.parametrize('factor', [1, 2, 3, 4, 7])
@pytest.mark.parametrize('size', [(21, 34), (8, 8), (7, 50)])
def test_obstacles_win_as_defined(size: tuple[int, int], factor: int) -> None:
    labels, confidence = noise(size, factor)
    order = obstacle_order(CITYSCAPES)

    small, sure = decimate_labels(labels, confidence, factor, order)
    alone, nothing = decimate_labels(labels, None, factor, order)

    want, want_sure = by_definition(labels, confidence, factor)
    np.testing.assert_array_equal(small, want)
    np.testing.assert_array_equal(sure, want_sure)
    np.testing.assert_array_equal(alone, want)
    assert nothing is None


@pytest.mark.parametrize('factor', [2, 3, 4, 5, 8])
def test_no_person_of_one_pixel_is_lost(factor: int) -> None:
    order = obstacle_order(CITYSCAPES)
    for y in range(16):
        for x in range(16):
            labels = np.zeros((16, 16), np.uint8)
            labels[y, x] = CITYSCAPES.index('person')
            small, _ = decimate_labels(labels, None, factor, order)
            assert small.any(), (y, x)


def test_every_pixel_is_one_of_the_large_image() -> None:
    image = np.arange(35, dtype=np.uint8).reshape(5, 7)

    assert decimate(image, 2).tolist() == [[0, 2, 4], [14, 16, 18]]
    assert decimate(image, 1).tolist() == image.tolist()
    assert decimate(image, 5).tolist() == [[0]]
    assert decimate(image, 2).flags.c_contiguous


def test_order_puts_people_before_poles_before_walls_before_unknown_before_road() -> None:
    order = obstacle_order(CITYSCAPES)
    ids = [CITYSCAPES.index(name) for name in ('road', 'wall', 'pole', 'person')]

    ranks = [int(order[index]) for index in (ids[0], 255, *ids[1:])]

    assert ranks == sorted(ranks)
    assert len(set(order.tolist())) == 256


@pytest.mark.parametrize(
    ('size', 'factor'),
    [((720, 1280), 4), ((1080, 1920), 6), ((480, 640), 2), ((200, 400), 1), ((201, 400), 2)],
)
def test_factor_is_the_smallest_that_a_costmap_can_use(size: tuple[int, int], factor: int) -> None:
    height, width = size

    assert decimation_factor(size) == factor
    assert (height // factor) * (width // factor) <= PIXEL_LIMIT
    if factor > 1:
        assert (height // (factor - 1)) * (width // (factor - 1)) > PIXEL_LIMIT


def test_factor_leaves_at_least_a_pixel() -> None:
    assert decimation_factor((3, 500), 16) == 3
    assert decimation_factor((1, 100_000)) == 1
    assert decimation_factor((720, 1280), 3) == 3
