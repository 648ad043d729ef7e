# SPDX-License-Identifier: Apache-2.0
"""Our tables against lists that others published; the lists here were not made from our files."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from seg_node.taxonomy import class_groups, group_id_map, load_id_map, load_taxonomy

# Train id of each label id, from cityscapesScripts 2.3.0, helpers/labels.py.
CITYSCAPES = [
    *[255] * 7, 0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7,
    8, 9, 10, 11, 12, 13, 14, 15, 255, 255, 16, 17, 18,
]  # fmt: skip
# SegNet's 11 groups by colour, from MathWorks' camvidPixelLabelIDs.
CAMVID_GROUPS = {
    'Sky': ['128 128 128'],
    'Building': ['0 128 64', '128 0 0', '64 192 0', '64 0 64', '192 0 128'],
    'Pole': ['192 192 128', '0 0 64'],
    'Road': ['128 64 128', '128 0 192', '192 0 64'],
    'Pavement': ['0 0 192', '64 192 128', '128 128 192'],
    'Tree': ['128 128 0', '192 192 0'],
    'SignSymbol': ['192 128 128', '128 128 64', '0 64 64'],
    'Fence': ['64 64 128'],
    'Car': ['64 0 128', '64 128 192', '192 128 192', '192 64 128', '128 64 64'],
    'Pedestrian': ['64 64 0', '192 128 64', '64 0 192', '64 128 64'],
    'Bicyclist': ['0 128 192', '192 0 192'],
}
# Id, name and colour of some classes, from MMSegmentation 1.x, mmseg/datasets/mapillary.py; its
# colours agree with Datumaro's lists, and those of v1.2 with the list in Mask2Former.
MAPILLARY_66 = [
    (0, 'Bird', (165, 42, 42)),
    (13, 'Road', (128, 64, 128)),
    (24, 'Lane Marking - General', (255, 255, 255)),
    (36, 'Catch Basin', (220, 128, 128)),
    (47, 'Utility Pole', (0, 0, 80)),
    (50, 'Traffic Sign (Front)', (220, 220, 0)),
    (55, 'Car', (0, 0, 142)),
    (62, 'Wheeled Slow', (0, 0, 192)),
    (64, 'Ego Vehicle', (120, 10, 10)),
]
MAPILLARY_124 = [
    (9, 'Road Side', (250, 170, 34)),
    (21, 'Road', (128, 64, 128)),
    (25, 'Traffic Island', (128, 196, 128)),
    (49, 'Lane Marking - Hatched (Diagonal)', (250, 170, 11)),
    (61, 'Sky', (70, 130, 180)),
    (75, 'Parking Meter', (20, 20, 255)),
    (89, 'Traffic Cone', (210, 60, 60)),
    (101, 'Traffic Sign - Parking', (0, 0, 196)),
    (108, 'Car', (0, 0, 142)),
    (114, 'Truck', (0, 0, 70)),
    (122, 'Static', (111, 111, 0)),
]


def test_ids_of_cityscapes_become_the_published_train_ids() -> None:
    ids = load_id_map('cityscapes_label_ids')

    assert ids.table[:34].tolist() == CITYSCAPES
    assert np.flatnonzero(ids.known).tolist() == [*range(34), 255]


@pytest.mark.needs_cityscapesscripts
def test_ids_names_and_colours_agree_with_cityscapesscripts() -> None:
    labels = import_module('cityscapesscripts.helpers.labels').labels
    classes, ids = load_taxonomy('cityscapes19').classes, load_id_map('cityscapes_label_ids')

    for label in (one for one in labels if one.id >= 0):
        assert ids.table[label.id] == label.trainId
        if label.trainId != 255:
            mine = classes[label.trainId]
            assert (mine.name, mine.color) == (label.name, label.color)


def test_the_colours_of_camvid_are_grouped_as_published() -> None:
    fine, coarse = load_taxonomy('camvid32'), load_taxonomy('camvid11')
    groups = group_id_map(fine, coarse)
    of_color = {' '.join(map(str, one.color)): number for number, one in enumerate(fine.classes)}

    published = {color: name for name, colors in CAMVID_GROUPS.items() for color in colors}
    ours = {color: coarse.names[groups.table[number]] for color, number in of_color.items()}

    assert ours == published


@pytest.mark.parametrize(
    ('name', 'count', 'published'),
    [('mapillary66', 65, MAPILLARY_66), ('mapillary124', 123, MAPILLARY_124)],
)
def test_mapillarys_classes_are_in_the_order_of_their_ids(
    name: str, count: int, published: list[tuple[int, str, tuple[int, int, int]]]
) -> None:
    classes = load_taxonomy(name).classes

    assert len(classes) == count
    assert [(at, classes[at].name, classes[at].color) for at, _, _ in published] == published


@pytest.mark.parametrize('name', ['mapillary66', 'mapillary124'])
def test_mapillary_has_all_classes_of_cityscapes_and_no_pixel_in_two(name: str) -> None:
    groups = class_groups(load_taxonomy(name), load_taxonomy('cityscapes19'))

    assert groups.any(axis=1).all()
    assert groups.sum(axis=0).max() == 1


@pytest.mark.parametrize('name', ['camvid11', 'cityscapes19', 'bdd_drivable'])
def test_what_is_drivable_is_drivable_in_the_two_classes_too(name: str) -> None:
    fine, two = load_taxonomy(name), load_taxonomy('drivable2')

    groups = class_groups(fine, two)

    assert np.array_equal(groups[two.index('drivable')] > 0, fine.drivable)
    assert groups.sum(axis=0).tolist() == [1.0] * len(fine)
