# SPDX-License-Identifier: Apache-2.0
"""CamVid in both layouts, as trees of a few tiny files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.datasets import open_camvid
from seg_node.errors import DatasetError
from seg_node.taxonomy import group_id_map

if TYPE_CHECKING:
    from collections.abc import Callable

VOID_IN_FILES = 11


@pytest.fixture
def ours(tmp_path: Path, add_pair: Callable[..., None]) -> Path:
    """Return a tree with images/, labels/ and labels_cityscapes19/."""
    for folder, classes in (('labels', 12), ('labels_cityscapes19', 19)):
        for seed, name in enumerate(('b_2', 'a_1')):
            images, labels = tmp_path / 'images' / 'val', tmp_path / folder / 'val'
            add_pair(images, labels, f'{name}.jpg', classes, seed=seed)
    return tmp_path


@pytest.fixture
def segnets(tmp_path: Path, add_pair: Callable[..., None]) -> Path:
    """Return a tree with test/ and testannot/."""
    add_pair(tmp_path / 'test', tmp_path / 'testannot', 'Seq05VD_f00000.png', 12)
    return tmp_path


def test_samples_come_in_order_of_their_names(ours: Path) -> None:
    dataset = open_camvid(ours, 'val', 'cityscapes19')

    assert [sample.name for sample in (dataset[0], dataset[1])] == ['a_1', 'b_2']
    assert len(dataset) == 2
    assert dataset.taxonomy.name == 'cityscapes19'


def test_void_becomes_unlabelled_and_other_ids_stay(segnets: Path) -> None:
    stored = (np.arange(48) % 12).reshape(6, 8)

    labels = open_camvid(segnets, 'test')[0].labels

    expected = np.where(stored == VOID_IN_FILES, 255, stored)
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, expected)


def test_the_taxonomy_chooses_the_label_folder(ours: Path) -> None:
    labels = open_camvid(ours, 'val', 'cityscapes19')[1].labels

    assert np.array_equal(labels, (np.arange(48) % 19).reshape(6, 8))


def test_an_index_past_the_end_is_an_index_error(ours: Path) -> None:
    dataset = open_camvid(ours, 'val')

    with pytest.raises(IndexError):
        dataset[len(dataset)]


@pytest.mark.parametrize(
    ('split', 'taxonomy', 'words'),
    [
        pytest.param('dev', 'camvid11', "split 'dev'.*test, train, trainval, val", id='split'),
        pytest.param('train', 'camvid11', "no 'train' split.*trainannot", id='absent'),
        pytest.param('test', 'cityscapes19', "SegNet's layout.*'camvid11' only", id='layout'),
        pytest.param('test', 'ade150', "no labels for taxonomy 'ade150'", id='taxonomy'),
    ],
)
def test_open_camvid_says_what_is_missing(
    segnets: Path, split: str, taxonomy: str, words: str
) -> None:
    with pytest.raises(DatasetError, match=words):
        open_camvid(segnets, split, taxonomy)


def test_open_camvid_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match='holds no'):
        open_camvid(tmp_path / 'nowhere')


@pytest.mark.needs_camvid
def test_the_real_cityscapes_labels_refine_the_real_camvid_labels() -> None:
    """Grouping the 19 classes gives the 11 classes of the people who labelled the frames."""
    root = Path(os.environ['SEG_NODE_CAMVID'])
    fine, coarse = open_camvid(root, 'val', 'cityscapes19'), open_camvid(root, 'val', 'camvid11')
    to_groups = group_id_map(fine.taxonomy, coarse.taxonomy)

    for index in range(0, len(fine), 25):
        assert np.array_equal(to_groups.apply(fine[index].labels), coarse[index].labels)


@pytest.fixture
def drives(tmp_path: Path, add_pair: Callable[..., None]) -> Path:
    """Return a tree with frames of two drives in train and one frame in val."""
    for part, name in (('train', '0001TP_1'), ('train', '0016E5_1'), ('val', '0016E5_2')):
        add_pair(tmp_path / 'images' / part, tmp_path / 'labels' / part, f'{name}.png', 12)
    return tmp_path


@pytest.mark.parametrize(
    ('split', 'names'),
    [
        ('trainval', ['0001TP_1', '0016E5_1', '0016E5_2']),
        ('0016E5', ['0016E5_1', '0016E5_2']),
        ('-0016E5', ['0001TP_1']),
        ('0001TP', ['0001TP_1']),
    ],
)
def test_splits_by_drive_take_frames_of_train_and_val(
    split: str, names: list[str], drives: Path
) -> None:
    dataset = open_camvid(drives, split)

    assert [dataset[index].name for index in range(len(dataset))] == names
