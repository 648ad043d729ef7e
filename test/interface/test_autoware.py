# SPDX-License-Identifier: Apache-2.0
"""Our classes in the labels of Autoware."""

from __future__ import annotations

import pytest

from seg_node.errors import ParameterError
from seg_node.interface import (
    autoware_label,
    AUTOWARE_LABELS,
    autoware_table,
    parse_autoware_labels,
)
from seg_node.taxonomy import load_taxonomy, SegClass

CITYSCAPES = load_taxonomy('cityscapes19')
# Ids as the README of autoware_tensorrt_yolox lists them for the semantic segmentation head.
README_IDS = {
    'building': 1,
    'wall': 2,
    'traffic light': 4,
    'traffic sign': 5,
    'person': 6,
    'car': 7,
    'bicycle': 8,
    'road': 9,
    'sidewalk': 10,
    'vegetation': 14,
    'sky': 15,
}


def test_classes_of_cityscapes_have_the_published_ids() -> None:
    table = autoware_table(CITYSCAPES)

    assert {name: table[CITYSCAPES.index(name)] for name in README_IDS} == README_IDS
    assert table[CITYSCAPES.index('pole')] == AUTOWARE_LABELS.index('OBSTACLE')
    assert table[255] == AUTOWARE_LABELS.index('UNKNOWN')


@pytest.mark.parametrize('name', ['cityscapes19', 'camvid11', 'camvid32', 'mapillary66'])
def test_no_label_is_outside_of_the_list_of_autoware(name: str) -> None:
    assert autoware_table(load_taxonomy(name)).max() < len(AUTOWARE_LABELS) == 16


@pytest.mark.parametrize('name', ['cityscapes19', 'camvid11', 'camvid32', 'mapillary66'])
def test_people_are_never_anything_that_could_be_filtered_out_with_the_ground(name: str) -> None:
    for one in load_taxonomy(name).classes:
        if one.kind == 'object':
            assert autoware_label(one) in {'PERSON', 'VEHICLE', 'BIKE', 'OBSTACLE'}, one.name
        if one.drivable:
            assert autoware_label(one) in {'ROAD', 'ROAD_PAINT', 'CROSSWALK'}, one.name


@pytest.mark.parametrize(
    ('one', 'label'),
    [
        (SegClass('tram', (0, 0, 0), group='vehicle'), 'VEHICLE'),
        (SegClass('track', (0, 0, 0), drivable=True), 'ROAD'),
        (SegClass('hydrant', (0, 0, 0), kind='thin'), 'OBSTACLE'),
        (SegClass('horse', (0, 0, 0), kind='object'), 'OBSTACLE'),
        (SegClass('sand', (0, 0, 0)), 'UNKNOWN'),
    ],
)
def test_unknown_name_is_judged_by_what_else_is_known(one: SegClass, label: str) -> None:
    assert autoware_label(one) == label


def test_wishes_come_first() -> None:
    table = autoware_table(CITYSCAPES, ' fence = WALL,traffic light=OBSTACLE ')

    assert table[CITYSCAPES.index('fence')] == 2
    assert table[CITYSCAPES.index('traffic light')] == 3
    assert table[CITYSCAPES.index('road')] == 9


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('fence', r"'fence' does not give.*class=LABEL"),
        ('=WALL', r"'=WALL' does not give"),
        ('fence=FENCE', r"label of class 'fence'.*'FENCE'.*WALL"),
        ('fence=wall', r"'wall'.*WALL"),
    ],
)
def test_wish_of_another_form_is_refused(text: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        parse_autoware_labels(text)


def test_wish_for_a_class_that_is_not_there_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"mask_rle\.labels.*'hedge'.*fence"):
        autoware_table(CITYSCAPES, 'hedge=WALL')
