# SPDX-License-Identifier: Apache-2.0
"""Data sets by the word a user writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from seg_node.datasets import DATASET_FORMS, open_dataset
from seg_node.datasets.procedural import ProceduralScenes
from seg_node.datasets.registry import ON_DISK
from seg_node.errors import DatasetError, TaxonomyError
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, add_pair: Callable[..., None]) -> Path:
    """Return a folder with Cityscapes labels that says so."""
    add_pair(tmp_path / 'images', tmp_path / 'labels', 'a.png', 19)
    classes = load_taxonomy('cityscapes19').to_dict()
    (tmp_path / 'taxonomy.yaml').write_text(yaml.safe_dump(classes), encoding='utf-8')
    return tmp_path


@pytest.mark.parametrize('form', ['{}', 'folder:{}'])
def test_a_folder_may_be_written_with_or_without_its_kind(folder: Path, form: str) -> None:
    dataset = open_dataset(form.format(folder))

    assert dataset.taxonomy.name == 'cityscapes19'
    assert dataset[0].name == 'a'


def test_labels_are_grouped_into_the_taxonomy_asked_for(folder: Path) -> None:
    coarse = open_dataset(str(folder), taxonomy='camvid11')

    labels = coarse[0].labels.ravel()

    assert coarse.taxonomy.name == 'camvid11'
    names = [coarse.taxonomy.names[number] for number in labels[:19]]
    fine = load_taxonomy('cityscapes19')
    assert names[fine.index('truck')] == names[fine.index('car')] == 'Car'
    assert names[fine.index('sidewalk')] == 'Pavement'


def test_a_folder_without_classes_takes_those_asked_for(folder: Path) -> None:
    (folder / 'taxonomy.yaml').unlink()

    dataset = open_dataset(str(folder), taxonomy='cityscapes19')

    assert np.array_equal(np.unique(dataset[0].labels), np.arange(19))


def test_camvid_is_opened_with_its_own_classes(
    tmp_path: Path, add_pair: Callable[..., None]
) -> None:
    add_pair(tmp_path / 'val', tmp_path / 'valannot', 'a.png', 12)

    dataset = open_dataset(f'camvid:{tmp_path}')

    assert dataset.taxonomy.name == 'camvid11'


@pytest.mark.parametrize('spec', ['nowhere/at/all', 'camvid', 'folder:', 'coco:x'])
def test_unknown_words_are_answered_with_the_known_forms(spec: str) -> None:
    with pytest.raises(DatasetError, match=f'Unknown data set {spec!r}') as caught:
        open_dataset(spec)

    assert all(form in str(caught.value) for form in DATASET_FORMS)


def test_an_unknown_taxonomy_is_refused(folder: Path) -> None:
    with pytest.raises(TaxonomyError, match='ade150'):
        open_dataset(str(folder), taxonomy='ade150')


@pytest.mark.parametrize(
    ('spec', 'count'), [('default', 50), ('procedural', 50), ('procedural:3', 3)]
)
def test_procedural_scenes_need_no_files(spec: str, count: int) -> None:
    dataset = open_dataset(spec)

    assert len(dataset) == count
    assert dataset.taxonomy.name == 'cityscapes19'


def test_procedural_scenes_differ_between_splits_and_seeds() -> None:
    """Scenes of different seeds have nothing in common, so it is enough to look at the seeds."""
    datasets = [
        open_dataset(spec, split)
        for spec in ('procedural', 'procedural:1@1', 'procedural:1@2')
        for split in ('train', 'val', 'test')
    ]

    assert all(isinstance(dataset, ProceduralScenes) for dataset in datasets)
    assert len({getattr(dataset, 'seed', None) for dataset in datasets}) == 9


@pytest.mark.parametrize(
    'spec', ['procedural:0', 'procedural:few', 'procedural:5@', 'procedural:@7', 'default:x']
)
def test_procedural_scenes_say_how_they_are_written(spec: str) -> None:
    with pytest.raises(DatasetError, match='for example procedural:50 or procedural:50@7'):
        open_dataset(spec)


def test_procedural_scenes_have_three_splits() -> None:
    with pytest.raises(DatasetError, match=r"Unknown split 'dev'; .* test, train, val\."):
        open_dataset('default', 'dev')


def test_procedural_labels_are_grouped_too() -> None:
    assert open_dataset('default', taxonomy='camvid11').taxonomy.name == 'camvid11'


def test_every_kind_that_can_be_opened_is_among_the_forms() -> None:
    kinds = {form.partition(':')[0] for form in DATASET_FORMS}

    assert set(ON_DISK) <= kinds
