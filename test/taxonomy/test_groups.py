# SPDX-License-Identifier: Apache-2.0
"""Coarse classes that a taxonomy names for its own."""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path

import numpy as np
import pytest

from seg_node.errors import TaxonomyError
from seg_node.metrics.categories import CATEGORIES
from seg_node.taxonomy import grouping, load_taxonomy, SegClass, Taxonomy

BUNDLES = Path(__file__).parents[2] / 'bundles'
YARD = Taxonomy(
    'yard',
    (
        SegClass('lawn', (0, 200, 0), drivable=True, group='ground'),
        SegClass('hen', (200, 0, 0), group='animal'),
        SegClass('gravel', (90, 90, 90), drivable=True, group='ground'),
        SegClass('fog', (9, 9, 9)),
    ),
)


def test_groups_of_cityscapes_are_its_published_categories() -> None:
    taxonomy = load_taxonomy('cityscapes19')

    groups = grouping(taxonomy)

    assert groups is not None
    assert groups.target.names == tuple(CATEGORIES)
    for category, members in CATEGORIES.items():
        for name in members:
            group = groups.table[taxonomy.index(name)]
            assert groups.target.names[group] == category, name


def test_groups_are_numbered_as_they_occur_and_look_like_their_first_class() -> None:
    groups = grouping(YARD)

    assert groups is not None
    assert groups.target.classes == (
        SegClass('ground', (0, 200, 0), drivable=True),
        SegClass('animal', (200, 0, 0)),
    )
    labels = np.array([[0, 1, 2, 3, 255]], np.uint8)
    assert groups.apply(labels).tolist() == [[0, 1, 0, 255, 255]]


def test_group_is_drivable_only_if_all_of_it_is() -> None:
    mixed = replace(YARD, classes=(*YARD.classes[:2], replace(YARD.classes[2], drivable=False)))

    groups = grouping(mixed)

    assert groups is not None
    assert not groups.target.drivable.any()


def test_taxonomy_without_groups_has_no_grouping() -> None:
    assert grouping(load_taxonomy('drivable2')) is None


def test_one_group_for_everything_is_refused() -> None:
    alike = tuple(replace(one, group='all') for one in YARD.classes)

    with pytest.raises(TaxonomyError, match="'yard groups' has 1 classes"):
        grouping(Taxonomy('yard', alike))


def test_groups_survive_as_plain_data_and_none_is_not_written() -> None:
    plain = YARD.to_dict()

    again = Taxonomy.from_dict(plain)

    assert [one.group for one in again.classes] == ['ground', 'animal', 'ground', '']
    assert 'group' not in plain['classes'][3]


@pytest.mark.parametrize('group', [3, None, ['ground']])
def test_group_that_is_no_name_is_refused(group: object) -> None:
    plain = YARD.to_dict()
    plain['classes'][1]['group'] = group

    with pytest.raises(TaxonomyError, match="group of class 'hen'"):
        Taxonomy.from_dict(plain)


@pytest.mark.parametrize('name', ['default', 'procedural'])
def test_shipped_bundles_know_groups_and_kinds(name: str) -> None:
    """Coarse, movable and decimated masks are made of them."""
    manifest = json.loads((BUNDLES / name / 'manifest.json').read_text(encoding='utf-8'))

    shipped = Taxonomy.from_dict(manifest['taxonomy'])

    published = load_taxonomy(shipped.name)
    assert [one.group for one in shipped.classes] == [one.group for one in published.classes]
    assert shipped.kinds == published.kinds
