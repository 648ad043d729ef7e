# SPDX-License-Identifier: Apache-2.0
"""Mapping ids and probabilities between class lists."""

from __future__ import annotations

import numpy as np
import pytest

from seg_node.errors import TaxonomyError
from seg_node.taxonomy import (
    class_groups,
    group_id_map,
    IdMap,
    load_id_map,
    load_taxonomy,
    SegClass,
    Taxonomy,
)

CITYSCAPES = load_taxonomy('cityscapes19')
CAMVID = load_taxonomy('camvid11')


def test_every_cityscapes_class_belongs_to_exactly_one_camvid_class() -> None:
    groups = class_groups(CITYSCAPES, CAMVID)

    assert groups.shape == (11, 19)
    assert groups.sum(axis=0).tolist() == [1.0] * 19


def test_class_groups_of_a_taxonomy_with_itself_is_the_identity() -> None:
    assert np.array_equal(class_groups(CAMVID, CAMVID), np.eye(11))


def test_summed_probabilities_let_two_halves_of_a_group_win() -> None:
    probabilities = np.zeros(19, np.float32)
    probabilities[CITYSCAPES.index('car')] = 0.3
    probabilities[CITYSCAPES.index('truck')] = 0.3
    probabilities[CITYSCAPES.index('road')] = 0.4

    mapped = class_groups(CITYSCAPES, CAMVID) @ probabilities

    assert CAMVID.names[int(mapped.argmax())] == 'Car'
    assert CITYSCAPES.names[int(probabilities.argmax())] == 'road'


def test_group_id_map_agrees_with_the_groups() -> None:
    table = group_id_map(CITYSCAPES, CAMVID)
    groups = class_groups(CITYSCAPES, CAMVID)

    mapped = table.apply(np.arange(19, dtype=np.uint8))

    assert all(groups[mapped[i], i] == 1.0 for i in range(19))
    assert table.apply(np.array([255], np.uint8)).tolist() == [255]


def test_class_groups_says_what_to_do_when_no_grouping_is_known() -> None:
    other = Taxonomy('yard', (SegClass('a', (0, 0, 0)), SegClass('b', (0, 0, 0))))

    with pytest.raises(TaxonomyError, match="'cityscapes19' cannot be mapped to 'yard'"):
        class_groups(CITYSCAPES, other)


def test_camvid_void_is_unlabelled() -> None:
    labels = np.array([[0, 3], [10, 11]], np.uint8)

    assert load_id_map('camvid_files').apply(labels).tolist() == [[0, 3], [10, 255]]


def test_cityscapes_label_ids_follow_the_published_table() -> None:
    # id -> train id, from the data set's label definition: road 7, person 24, bicycle 33, ego 1.
    labels = np.array([7, 24, 33, 1, 29], np.uint8)

    assert load_id_map('cityscapes_label_ids').apply(labels).tolist() == [0, 11, 18, 255, 255]


def test_id_map_refuses_an_id_that_is_no_byte() -> None:
    with pytest.raises(TaxonomyError, match='id 300'):
        IdMap.from_names('mine', CAMVID, {300: 'Sky'})


def test_load_id_map_lists_the_known_ones() -> None:
    with pytest.raises(TaxonomyError, match='camvid_files, cityscapes_label_ids'):
        load_id_map('kitti')
