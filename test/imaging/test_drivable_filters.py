# SPDX-License-Identifier: Apache-2.0
"""Holes and islands of the drivable area, compared with a walk from pixel to pixel."""

from __future__ import annotations

from hypothesis import given, settings, strategies
import numpy as np
import numpy.typing as npt
import pytest

from seg_node.imaging.drivable_filters import ego_region, fill_holes, keep_reachable

UInt8Array = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

NOT, UNSURE, SURE = range(3)
EDGES = ((0, 1), (1, 0), (0, -1), (-1, 0))
CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def picture(*rows: str) -> tuple[UInt8Array, UInt8Array]:
    """Return area and drivable labels of a drawing: ``#`` sure, ``?`` unsure, ``.`` another."""
    drawn = np.array([list(row) for row in rows])
    return np.uint8(255) * (drawn == '#'), np.uint8(255) * (drawn != '.')


def spot_around(start: tuple[int, int], inside: BoolArray, steps: object) -> set[tuple[int, int]]:
    """Return all pixels of a region that can be walked to."""
    found, waiting = {start}, [start]
    while waiting:
        row, column = waiting.pop()
        for down, right in steps:  # type: ignore[attr-defined]
            one = row + down, column + right
            here = 0 <= one[0] < inside.shape[0] and 0 <= one[1] < inside.shape[1]
            if here and inside[one] and one not in found:
                found.add(one)
                waiting.append(one)
    return found


def filled_by_walking(area: UInt8Array, named: UInt8Array, largest: int) -> UInt8Array:
    """Fill each pixel whose region of "not drivable" is small, named and away from the border."""
    result = area.copy()
    height, width = area.shape
    for start in zip(*np.nonzero(area == 0), strict=True):
        spot = spot_around((int(start[0]), int(start[1])), area == 0, EDGES + CORNERS)
        inner = all(0 < row < height - 1 and 0 < column < width - 1 for row, column in spot)
        if inner and len(spot) <= largest and all(named[one] for one in spot):
            result[start] = 255
    return result


def reached_by_walking(area: UInt8Array, region: UInt8Array) -> UInt8Array:
    """Walk from each pixel of the ego region."""
    result = np.zeros_like(area)
    for start in zip(*np.nonzero(area & region), strict=True):
        for one in spot_around((int(start[0]), int(start[1])), area > 0, EDGES):
            result[one] = 255
    return result


@settings(max_examples=300, deadline=None)
@given(
    strategies.integers(0, 2**32 - 1),
    strategies.tuples(strategies.integers(1, 12), strategies.integers(1, 12)),
    strategies.integers(0, 20),
)
def test_holes_are_those_that_a_walk_finds(seed: int, size: tuple[int, int], largest: int) -> None:
    kinds = np.random.default_rng(seed).choice([NOT, UNSURE, SURE], size, p=[0.05, 0.25, 0.7])
    area = np.uint8(255) * (kinds == SURE)
    named = np.uint8(255) * (kinds != NOT)
    expected = filled_by_walking(area, named, largest)

    fill_holes(area, named, largest)

    np.testing.assert_array_equal(area, expected)


@settings(max_examples=300, deadline=None)
@given(
    strategies.integers(0, 2**32 - 1),
    strategies.tuples(strategies.integers(1, 12), strategies.integers(1, 12)),
    strategies.floats(0.2, 0.9),
)
def test_what_is_reachable_is_what_a_walk_reaches(
    seed: int, size: tuple[int, int], share: float
) -> None:
    area = np.uint8(255) * (np.random.default_rng(seed).random(size) < share)
    region = ego_region(size, 0.5, 0.3)
    expected = reached_by_walking(area, region)

    keep_reachable(area, region)

    np.testing.assert_array_equal(area, expected)


def test_a_small_unsure_spot_is_filled() -> None:
    area, named = picture('#####', '#??##', '#####')

    fill_holes(area, named, 2)

    assert area.all()


@pytest.mark.parametrize(
    ('rows', 'why'),
    [
        (('#####', '#???#', '#####'), 'it is too large'),
        (('#####', '#?.##', '#####'), 'an obstacle is beside it'),
        (('#####', '#?###', '##.##'), 'an obstacle touches its corner'),
        (('#?###', '#?###', '#####'), 'it goes on outside of the image'),
        (('#####', '#..##', '#####'), 'it is an obstacle'),
    ],
)
def test_a_spot_is_not_filled(rows: tuple[str, ...], why: str) -> None:
    area, named = picture(*rows)
    before = area.copy()

    fill_holes(area, named, 2)

    assert np.array_equal(area, before), why


def test_islands_that_touch_at_a_corner_are_not_connected() -> None:
    area, _ = picture('##..', '..##', '..##')

    keep_reachable(area, ego_region((3, 4), 0.5, 0.4))

    np.testing.assert_array_equal(area, picture('....', '..##', '..##')[0])


@pytest.mark.parametrize('filled', [0, 255])
def test_areas_without_any_border_are_left(filled: int) -> None:
    area = np.full((6, 8), filled, np.uint8)

    fill_holes(area, np.full((6, 8), 255, np.uint8), 0)
    keep_reachable(area, ego_region((6, 8), 0.5, 0.5))

    assert (area == filled).all()


def test_nothing_is_reachable_where_the_ego_region_is_not_drivable() -> None:
    area, _ = picture('####', '####', '....')

    keep_reachable(area, ego_region((3, 4), 0.5, 0.3))

    assert not area.any()


def test_ego_region_is_at_the_bottom_centre() -> None:
    region = ego_region((10, 20), 0.5, 0.2)

    rows, columns = np.nonzero(region)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 9, 5, 14)
    assert set(np.unique(region)) == {0, 255}


def test_ego_region_begins_above_the_own_vehicle() -> None:
    bonnet = np.zeros((10, 20), np.bool_)
    bonnet[7:, :12] = True

    region = ego_region((10, 20), 0.5, 0.2, bonnet)

    assert np.nonzero(region[:, 8])[0].tolist() == [5, 6]
    assert np.nonzero(region[:, 13])[0].tolist() == [8, 9]


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (5, 1)])
def test_ego_region_has_a_pixel_in_the_smallest_image(size: tuple[int, int]) -> None:
    assert ego_region(size, 0.01, 0.01).any()


def test_columns_that_show_nothing_but_the_own_vehicle_have_no_region() -> None:
    hidden = np.zeros((4, 4), np.bool_)
    hidden[:, 1] = True

    region = ego_region((4, 4), 1.0, 0.25, hidden)

    assert region[3].tolist() == [255, 0, 255, 255]
