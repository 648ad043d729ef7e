# SPDX-License-Identifier: Apache-2.0
"""What the images of the topics show, against plain look-ups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from seg_node.imaging import colorize, overlay
from seg_node.imaging.decimation import decimate_labels, obstacle_order
from seg_node.interface import (
    autoware_runs,
    class_tables,
    DECIMATION_RULES,
    frame_images,
    image_encodings,
    ImageOptions,
    outputs_for,
    PIXEL_ENCODINGS,
    topics,
)
from seg_node.pipeline import Segmentation
from seg_node.taxonomy import load_taxonomy

CITYSCAPES = load_taxonomy('cityscapes19')
TABLES = class_tables(CITYSCAPES)
SIZE = (45, 62)
UInt8Array = npt.NDArray[np.uint8]
GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.choice(np.array([*range(19), 255], np.uint8), SIZE)
RESULT = Segmentation(
    LABELS,
    confidence=GENERATOR.integers(0, 256, SIZE, np.uint8),
    entropy=GENERATOR.integers(0, 256, SIZE, np.uint8),
    drivable_area=GENERATOR.choice(np.array([0, 255], np.uint8), SIZE),
)
IMAGE = GENERATOR.integers(0, 256, (*SIZE, 3), np.uint8)


def shown(*names: str, options: ImageOptions | None = None) -> dict[str, UInt8Array]:
    chosen = options or ImageOptions(decimation_factor=3)
    return dict(frame_images(names, RESULT, IMAGE, TABLES, chosen))


def test_every_topic_shows_what_it_says() -> None:
    found = shown(*PIXEL_ENCODINGS, options=ImageOptions(0.25, 1, 'nearest'))

    names = [*CITYSCAPES.names, *[''] * 236, '']
    movable = {'person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle'}
    groups = {one.name: one.group for one in CITYSCAPES.classes}
    order = ['flat', 'construction', 'object', 'nature', 'sky', 'human', 'vehicle']
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            name = names[LABELS[y, x]]
            assert found[topics.MOVABLE][y, x] == (255 if name in movable else 0)
            group = order.index(groups[name]) if name else 255
            assert found[topics.GROUPS][y, x] == group
    assert found[topics.MASK] is LABELS
    assert found[topics.DRIVABLE_AREA] is RESULT.drivable_area
    np.testing.assert_array_equal(found[topics.COLOR], colorize(LABELS, CITYSCAPES))
    np.testing.assert_array_equal(found[topics.OVERLAY], overlay(IMAGE, LABELS, CITYSCAPES, 0.25))
    np.testing.assert_array_equal(found[topics.DECIMATED_MASK], LABELS)
    np.testing.assert_array_equal(found[topics.DECIMATED_CONFIDENCE], RESULT.confidence)


def test_channels_are_those_of_the_encoding() -> None:
    for name, pixels in shown(*PIXEL_ENCODINGS).items():
        assert pixels.ndim == {'mono8': 2, 'rgb8': 3}[PIXEL_ENCODINGS[name]], name
        assert pixels.flags.c_contiguous, name


def test_encodings_are_those_that_every_viewer_decodes() -> None:
    """Foxglove throws at 16SC1 and 32SC1; RViz shows 16-bit labels wrong."""
    assert set(PIXEL_ENCODINGS.values()) == {'mono8', 'rgb8'}


def test_only_what_is_wanted_is_made() -> None:
    assert list(shown(topics.MASK, topics.STATUS)) == [topics.MASK]
    assert shown(topics.STATUS) == {}


@pytest.mark.parametrize('rule', DECIMATION_RULES)
def test_decimated_mask_and_confidence_have_the_same_size_alone_and_together(rule: str) -> None:
    options = ImageOptions(decimation_factor=4, decimation_rule=rule)
    names = (topics.DECIMATED_MASK, topics.DECIMATED_CONFIDENCE)

    both = shown(*names, options=options)
    alone = {name: shown(name, options=options)[name] for name in names}

    for name in names:
        assert both[name].shape == (45 // 4, 62 // 4)
        np.testing.assert_array_equal(both[name], alone[name])


def test_nearest_takes_label_and_confidence_of_one_pixel() -> None:
    found = shown(*PIXEL_ENCODINGS, options=ImageOptions(0.5, 4, 'nearest'))

    assert RESULT.confidence is not None
    for i in range(11):
        for j in range(15):
            assert found[topics.DECIMATED_MASK][i, j] == LABELS[4 * i, 4 * j]
            assert found[topics.DECIMATED_CONFIDENCE][i, j] == RESULT.confidence[4 * i, 4 * j]


def test_obstacle_rule_is_the_one_of_its_function() -> None:
    found = shown(topics.DECIMATED_MASK, topics.DECIMATED_CONFIDENCE)

    labels, confidence = decimate_labels(LABELS, RESULT.confidence, 3, obstacle_order(CITYSCAPES))
    np.testing.assert_array_equal(found[topics.DECIMATED_MASK], labels)
    np.testing.assert_array_equal(found[topics.DECIMATED_CONFIDENCE], confidence)


def test_decimated_confidence_asks_the_segmenter_for_the_confidence() -> None:
    assert outputs_for({topics.DECIMATED_CONFIDENCE}, ()).confidence
    assert not outputs_for({topics.DECIMATED_MASK, topics.GROUPS, topics.MOVABLE}, ()).confidence


@pytest.mark.parametrize('name', [topics.CONFIDENCE, topics.DECIMATED_CONFIDENCE, topics.ENTROPY])
def test_what_was_not_computed_is_a_defect_that_is_told(name: str) -> None:
    bare = Segmentation(LABELS)

    with pytest.raises(RuntimeError, match=f'{name}.*not computed'):
        list(frame_images([name], bare, IMAGE, TABLES, ImageOptions()))


def test_classes_without_groups_have_no_topic_for_them() -> None:
    tables = class_tables(load_taxonomy('drivable2'))

    assert set(PIXEL_ENCODINGS) - set(image_encodings(tables)) == {topics.GROUPS}
    assert image_encodings(TABLES) == PIXEL_ENCODINGS


def test_runs_hold_the_labels_of_autoware() -> None:
    road = np.full((2, 3), CITYSCAPES.index('road'), np.uint8)
    road[1, 2] = 255

    assert autoware_runs(road, TABLES).tolist() == [9, 5, 0, 0, 0, 0, 1, 0, 0, 0]
