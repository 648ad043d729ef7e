# SPDX-License-Identifier: Apache-2.0
"""Class lists: order, lookup, files and refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

import pytest
import yaml

from seg_node.errors import TaxonomyError
from seg_node.taxonomy import load_taxonomy, SegClass, Taxonomy

if TYPE_CHECKING:
    from pathlib import Path

# From the data set's own label definition, not from our files.
CITYSCAPES_TRAIN_IDS = {'road': 0, 'traffic sign': 7, 'sky': 10, 'rider': 12, 'bicycle': 18}


def test_cityscapes_ids_are_the_published_train_ids() -> None:
    taxonomy = load_taxonomy('cityscapes19')

    assert len(taxonomy) == 19
    assert {name: taxonomy.index(name) for name in CITYSCAPES_TRAIN_IDS} == CITYSCAPES_TRAIN_IDS


def test_camvid_has_eleven_classes_and_one_drivable() -> None:
    taxonomy = load_taxonomy('camvid11')

    assert len(taxonomy) == 11
    assert taxonomy.drivable.nonzero()[0].tolist() == [taxonomy.index('Road')]


def test_dict_round_trip_is_equal() -> None:
    taxonomy = load_taxonomy('cityscapes19')

    assert Taxonomy.from_dict(taxonomy.to_dict()) == taxonomy


def test_kinds_tell_thin_classes_and_objects_from_stuff() -> None:
    cityscapes, camvid = load_taxonomy('cityscapes19'), load_taxonomy('camvid11')

    def of(kind: str, taxonomy: Taxonomy) -> set[str]:
        return {one.name for one in taxonomy.classes if one.kind == kind}

    assert of('thin', cityscapes) == {'pole', 'traffic light', 'traffic sign'}
    assert of('object', camvid) == {'Car', 'Pedestrian', 'Bicyclist'}
    assert cityscapes.kinds[cityscapes.index('road')] == 'stuff'


def test_kind_survives_the_round_trip_and_makes_no_other_taxonomy() -> None:
    taxonomy = load_taxonomy('camvid11')
    plain = Taxonomy(taxonomy.name, tuple(replace(one, kind='stuff') for one in taxonomy.classes))

    assert Taxonomy.from_dict(taxonomy.to_dict()).kinds == taxonomy.kinds
    assert 'kind' not in str(plain.to_dict())
    assert plain == taxonomy


def test_load_taxonomy_reads_a_users_file(tmp_path: Path) -> None:
    file = tmp_path / 'yard.yaml'
    classes = [
        {'name': 'floor', 'color': [1, 2, 3], 'drivable': True},
        {'name': 'rack', 'color': [4, 5, 6]},
    ]
    file.write_text(yaml.safe_dump({'name': 'yard', 'classes': classes}))

    taxonomy = load_taxonomy(file)

    assert taxonomy.names == ('floor', 'rack')
    assert taxonomy.colors.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert taxonomy.drivable.tolist() == [True, False]
    assert taxonomy.kinds == ('stuff', 'stuff')


def test_index_of_an_unknown_class_lists_the_known_ones() -> None:
    with pytest.raises(
        TaxonomyError,
        match="Unknown class of taxonomy 'camvid11' 'Dog'; expected one of Bicyclist",
    ):
        load_taxonomy('camvid11').index('Dog')


def test_load_taxonomy_names_the_known_ones_when_there_is_no_such() -> None:
    with pytest.raises(TaxonomyError, match=r'camvid11, .*cityscapes19, .*YAML file'):
        load_taxonomy('kitty')


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        ({'classes': []}, 'malformed'),
        ({'name': 'x', 'classes': [{'name': 'a', 'color': [0, 0]}]}, 'malformed'),
        ({'name': 'x', 'classes': [{'nam': 'a', 'color': [0, 0, 0]}]}, 'malformed'),
        ({'name': 'x', 'classes': [{'name': 'a', 'color': [0, 0, 0]}]}, 'has 1 classes'),
        ({'name': 'x', 'classes': [{'name': 'a', 'color': [0, 0, 0]}] * 2}, r"the names \['a'\]"),
        (
            {
                'name': 'x',
                'classes': [
                    {'name': 'a', 'color': [0, 0, 300]},
                    {'name': 'b', 'color': [0, 0, 0]},
                ],
            },
            '300',
        ),
    ],
    ids=['no-name', 'two-levels', 'misspelt-key', 'one-class', 'twice', 'colour-range'],
)
def test_from_dict_refuses(data: dict[str, Any], words: str) -> None:
    with pytest.raises(TaxonomyError, match=words):
        Taxonomy.from_dict(data)


@pytest.mark.parametrize(
    ('entry', 'words'),
    [
        ({'drivable': 'false'}, "drivable of class 'a' is 'false'; expected true or false"),
        ({'drivable': 1}, 'drivable'),
        ({'color': '123'}, "color of class 'a' is '123'; expected three whole numbers"),
        ({'color': [1.7, 0, 0]}, 'three whole numbers'),
        ({'color': [float('inf'), 0, 0]}, 'three whole numbers'),
        ({'name': None}, 'a class without a name'),
        ({'name': ''}, 'a class without a name'),
        ({'kind': 'thick'}, "kind of class 'a' 'thick'; expected one of object, stuff, thin"),
    ],
    ids=['word', 'number', 'text', 'fraction', 'inf', 'null', 'empty', 'kind'],
)
def test_from_dict_never_guesses_what_a_value_was_meant_to_be(
    entry: dict[str, Any], words: str
) -> None:
    """The word 'false' is true to Python: a wall would become drivable."""
    first = {'name': 'a', 'color': [0, 0, 0], **entry}

    with pytest.raises(TaxonomyError, match=words):
        Taxonomy.from_dict({'name': 'x', 'classes': [first, {'name': 'b', 'color': [0, 0, 0]}]})


@pytest.mark.parametrize(
    'text',
    ['- a\n- b\n', 'name: [\n', 'name: 2001-99-99\n'],
    ids=['list', 'not-yaml', 'no-such-day'],
)
def test_load_taxonomy_refuses_a_file_of_another_form(tmp_path: Path, text: str) -> None:
    file = tmp_path / 'odd.yaml'
    file.write_text(text)

    with pytest.raises(TaxonomyError, match=r'odd\.yaml'):
        load_taxonomy(file)


def test_a_label_byte_has_room_for_255_classes_but_not_256() -> None:
    many = tuple(SegClass(f'c{i}', (0, 0, 0)) for i in range(256))

    assert len(Taxonomy('most', many[:255])) == 255
    with pytest.raises(TaxonomyError, match='256 classes'):
        Taxonomy('too many', many)
