# SPDX-License-Identifier: Apache-2.0
"""The drivable area, against what the node's own rule publishes at each threshold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.imaging.drivable import drivable_area, drivable_table
from seg_node.metrics import (
    cautious_level,
    count_drivable,
    drivable_curve,
    probability_of_level,
    published_share,
    road_users,
)
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.metrics import DrivableCurve

    Labels = npt.NDArray[np.uint8]

MAPILLARY_USERS = {
    *('Bird', 'Ground Animal', 'Person', 'Bicyclist', 'Motorcyclist', 'Other Rider', 'Bicycle'),
    *('Boat', 'Bus', 'Car', 'Caravan', 'Motorcycle', 'On Rails', 'Other Vehicle', 'Trailer'),
    *('Truck', 'Wheeled Slow'),
}
CITYSCAPES = load_taxonomy('cityscapes19')
DRIVABLE, USERS = CITYSCAPES.drivable, road_users(CITYSCAPES.names)
ROAD, SIDEWALK, PERSON = (CITYSCAPES.index(name) for name in ('road', 'sidewalk', 'person'))


def frame(seed: int) -> tuple[Labels, Labels, Labels, Labels]:
    """Return truth (some unlabelled), labels, confidence and entropy of 30 x 40 pixels."""
    rng = np.random.default_rng(seed)
    kinds = np.array([ROAD, ROAD, SIDEWALK, PERSON, 255])
    truth = rng.choice(kinds, (30, 40)).astype(np.uint8)
    labels = np.where(rng.random(truth.shape) < 0.6, truth, ROAD).astype(np.uint8)
    labels[labels == 255] = ROAD
    confidence, entropy = rng.integers(0, 256, (2, 30, 40)).astype(np.uint8)
    return truth, labels, confidence, entropy


def curve_of(counts: npt.NDArray[np.int64]) -> DrivableCurve:
    return drivable_curve(counts, DRIVABLE, USERS)


def slow_scores(truth: Labels, published: npt.NDArray[np.bool_]) -> list[float]:
    """Return precision, recall, false-drivable rate and IoU by sets of pixels."""
    seen = {number: set(np.flatnonzero(truth == number)) for number in range(19)}
    labelled = set().union(*seen.values())
    area = set(np.flatnonzero(published)) & labelled
    road = seen[ROAD]
    users = set().union(*(seen[number] for number in np.flatnonzero(USERS).tolist()))
    return [
        len(area & road) / len(area) if area else math.nan,
        len(area & road) / len(road),
        len(area & users) / len(users),
        len(area & road) / len(area | road),
    ]


@pytest.mark.parametrize('level', [0, 1, 100, 128, 200, 255])
def test_the_curve_is_what_the_node_would_publish_at_that_threshold(level: int) -> None:
    truth, labels, confidence, entropy = frame(0)
    table = drivable_table(CITYSCAPES)

    def published(min_probability: float) -> npt.NDArray[np.bool_]:
        area = drivable_area(
            labels, confidence, entropy, table, min_probability=min_probability, max_entropy=0.6
        )
        return area > 0

    curve = curve_of(count_drivable(confidence, truth, 19, published(0.0)))

    expected = slow_scores(truth, published(probability_of_level(level)))
    scores = [curve.precision, curve.recall, curve.false_drivable, curve.iou]
    assert [one[level] for one in scores] == pytest.approx(expected, nan_ok=True)


def test_without_a_mask_the_level_alone_decides() -> None:
    truth, _, level, _ = frame(1)

    curve = curve_of(count_drivable(level, truth, 19))

    for threshold in (0, 77, 255):
        expected = slow_scores(truth, level >= threshold)
        assert curve.iou[threshold] == pytest.approx(expected[3])
        assert curve.false_drivable[threshold] == pytest.approx(expected[2])


def test_every_threshold_means_itself_to_the_node() -> None:
    levels = range(256)

    probabilities = [round(probability_of_level(level), 3) for level in levels]

    assert [math.ceil(one * 255) for one in probabilities] == list(levels)


def test_the_cautious_level_is_the_least_that_is_safe() -> None:
    """Of 1000 pixels of persons 10 are at level 90 and 5 at level 200: 0.5 % from 91 on."""
    counts = np.zeros((19, 257), np.int64)
    counts[PERSON, [0, 90, 200]] = 985, 10, 5
    counts[ROAD, [80, 91, 250]] = 5, 5, 90

    curve = curve_of(counts)

    assert cautious_level(curve, 0.005) == 91
    assert curve.recall[91] == 0.95
    assert cautious_level(curve, 0.0) == 201


def test_no_level_is_cautious_if_even_the_surest_pixels_are_wrong() -> None:
    counts = np.zeros((19, 257), np.int64)
    counts[PERSON, 255] = 1

    assert cautious_level(curve_of(counts)) is None
    assert cautious_level(curve_of(np.zeros((19, 257), np.int64))) is None


def test_pixels_that_are_not_allowed_count_as_not_published() -> None:
    truth = np.array([[ROAD, ROAD, PERSON, PERSON]], np.uint8)
    allowed = np.array([[True, False, True, False]])

    counts = count_drivable(np.full((1, 4), 255, np.uint8), truth, 19, allowed)

    assert curve_of(counts).recall[0] == 0.5
    assert published_share(counts, 255)[PERSON] == 0.5
    assert math.isnan(published_share(counts, 255)[SIDEWALK])


def test_a_sidewalk_published_as_road_costs_precision_alone() -> None:
    truth = np.array([[ROAD, SIDEWALK, PERSON]], np.uint8)

    curve = curve_of(count_drivable(np.array([[200, 200, 10]], np.uint8), truth, 19))

    assert (curve.precision[100], curve.false_drivable[100]) == (0.5, 0.0)


def test_counts_of_two_frames_add_up() -> None:
    frames = [frame(2), frame(3)]

    total = np.sum([count_drivable(f[2], f[0], 19) for f in frames], axis=0)

    both = count_drivable(
        np.vstack([frames[0][2], frames[1][2]]), np.vstack([frames[0][0], frames[1][0]]), 19
    )
    assert np.array_equal(total, both)


@pytest.mark.parametrize('name', ['cityscapes19', 'camvid11'])
def test_road_users_are_people_vehicles_and_nothing_else(name: str) -> None:
    names = load_taxonomy(name).names
    moving = ['person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle']
    expected = {'cityscapes19': moving, 'camvid11': ['Car', 'Pedestrian', 'Bicyclist']}

    assert [one for one, user in zip(names, road_users(names), strict=True) if user] == expected[
        name
    ]


def test_count_drivable_refuses_probabilities_that_are_no_bytes() -> None:
    truth = np.zeros((2, 2), np.uint8)

    with pytest.raises(TypeError, match='`level` are float64; expected uint8'):
        count_drivable(np.zeros((2, 2)), truth, 19)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r'the level \(2, 3\)'):
        count_drivable(np.zeros((2, 3), np.uint8), truth, 19)


@pytest.mark.parametrize(
    ('taxonomy', 'expected'),
    [
        ('mapillary66', MAPILLARY_USERS),
        ('mapillary124', {*MAPILLARY_USERS, 'Person Group', 'Vehicle Group'}),
        ('camvid11', {'Car', 'Pedestrian', 'Bicyclist'}),
    ],
)
def test_road_users_of_every_list_are_known(taxonomy: str, expected: set[str]) -> None:
    names = load_taxonomy(taxonomy).names

    known = {name for name, user in zip(names, road_users(names), strict=True) if user}

    assert known == expected
