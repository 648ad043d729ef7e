# SPDX-License-Identifier: Apache-2.0
"""Published data sets, as trees of a few tiny files in the originals' layouts."""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.datasets import open_dataset
from seg_node.errors import DatasetError
from seg_node.taxonomy import load_taxonomy

from .conftest import ramp, write_picture

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets import Dataset


def pair(root: Path, image: str, labels: str, row: list[Any]) -> None:
    """Write an image, and labels whose columns are the values of a row."""
    kind = np.uint16 if max(np.ravel(row)) > 255 else np.uint8
    wide = np.resize(np.array(row, kind), (8, *np.shape(row)[1:]))
    write_picture(root / image, ramp(1))
    write_picture(root / labels, np.repeat(wide[None], 6, axis=0))


def names(dataset: Dataset) -> list[str]:
    """Return the names of all samples."""
    return [dataset[index].name for index in range(len(dataset))]


def first_row(dataset: Dataset, count: int) -> list[str]:
    """Return the class names, or '-', of the first pixels."""
    classes = dataset.taxonomy.names
    row = dataset[0].labels[0, :count]
    return ['-' if one == 255 else classes[one] for one in row]


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    """Return a tree with two cities and the files that lie beside the labels."""
    for city, row in (('bochum', [7, 24, 33, 1, 14, 8, 31, 0]), ('aachen', [23])):
        stem = f'{city}_000000_000019'
        labels = f'gtFine/train/{city}/{stem}_gtFine'
        image = f'leftImg8bit/train/{city}/{stem}_leftImg8bit.png'
        pair(tmp_path, image, f'{labels}_labelIds.png', row)
        write_picture(tmp_path / f'{labels}_color.png', ramp(2))
        write_picture(tmp_path / f'{labels}_instanceIds.png', np.full((6, 8), 26001, np.uint16))
        (tmp_path / f'{labels}_polygons.json').write_text('{}', encoding='utf-8')
    return tmp_path


def test_cityscapes_is_found_in_the_folders_of_its_cities(cityscapes: Path) -> None:
    dataset = open_dataset(f'cityscapes:{cityscapes}', 'train')

    assert names(dataset) == ['aachen_000000_000019', 'bochum_000000_000019']
    assert dataset.taxonomy == load_taxonomy('cityscapes19')
    bochum = dataset[1].labels[0].tolist()
    assert bochum == [0, 11, 18, 255, 255, 1, 16, 255]


def test_train_ids_of_cityscapes_are_read_where_no_label_ids_are(tmp_path: Path) -> None:
    image = 'leftImg8bit/val/ulm/ulm_1_2_leftImg8bit.png'
    pair(tmp_path, image, 'gtFine/val/ulm/ulm_1_2_gtFine_labelTrainIds.png', [7, 18, 255])

    dataset = open_dataset(f'cityscapes:{tmp_path}', 'val')

    assert first_row(dataset, 3) == ['traffic sign', 'bicycle', '-']


def test_an_id_that_cityscapes_does_not_have_is_an_error(cityscapes: Path) -> None:
    image = 'leftImg8bit/val/ulm/ulm_1_2_leftImg8bit.png'
    pair(cityscapes, image, 'gtFine/val/ulm/ulm_1_2_gtFine_labelIds.png', [34])

    with pytest.raises(DatasetError, match=r'holds the ids \[34\]; expected only 0 to 33, 255'):
        open_dataset(f'cityscapes:{cityscapes}', 'val')[0]


def test_trainval_is_both(cityscapes: Path) -> None:
    image = 'leftImg8bit/val/ulm/ulm_1_2_leftImg8bit.png'
    pair(cityscapes, image, 'gtFine/val/ulm/ulm_1_2_gtFine_labelIds.png', [7])

    assert len(open_dataset(f'cityscapes:{cityscapes}', 'trainval')) == 3


def test_parts_with_labels_of_different_kinds_are_refused(cityscapes: Path) -> None:
    image = 'leftImg8bit/val/ulm/ulm_1_2_leftImg8bit.png'
    pair(cityscapes, image, 'gtFine/val/ulm/ulm_1_2_gtFine_labelTrainIds.png', [7])

    with pytest.raises(DatasetError, match=r'labelIds.png in .* are written in different ways'):
        open_dataset(f'cityscapes:{cityscapes}', 'trainval')


def test_bdd100k_holds_train_ids(tmp_path: Path) -> None:
    labels = 'labels/sem_seg/masks/val/7d06fefd.png'
    pair(tmp_path, 'images/10k/val/7d06fefd.jpg', labels, [0, 10, 18, 255])

    dataset = open_dataset(f'bdd100k:{tmp_path}')

    assert first_row(dataset, 4) == ['road', 'sky', 'bicycle', '-']


def test_the_drivable_area_of_bdd100k_has_classes_of_its_own(tmp_path: Path) -> None:
    labels = 'labels/drivable/masks/train/0000f77c.png'
    pair(tmp_path, 'images/100k/train/0000f77c.jpg', labels, [0, 1, 2])

    fine = open_dataset(f'bdd100k_drivable:{tmp_path}', 'train')
    coarse = open_dataset(f'bdd100k_drivable:{tmp_path}', 'train', 'drivable2')

    assert first_row(fine, 3) == ['direct', 'alternative', 'background']
    assert fine.taxonomy.drivable.tolist() == [True, True, False]
    assert first_row(coarse, 3) == ['drivable', 'drivable', 'other']


def test_kitti_holds_the_ids_of_cityscapes_and_ends_with_our_val(tmp_path: Path) -> None:
    for number in (0, 159, 160, 199):
        file = f'{number:06}_10.png'
        pair(tmp_path, f'training/image_2/{file}', f'training/semantic/{file}', [7, 26, 10])

    val, train = (open_dataset(f'kitti:{tmp_path}', split) for split in ('val', 'train'))

    assert names(val) == ['000160_10', '000199_10']
    assert names(train) == ['000000_10', '000159_10']
    assert first_row(val, 3) == ['road', 'car', '-']


def test_kittis_road_is_told_by_colours(tmp_path: Path) -> None:
    truth = 'training/gt_image_2'
    row = [[255, 0, 255], [255, 0, 0], [0, 0, 0]]
    pair(tmp_path, 'training/image_2/umm_000080.png', f'{truth}/umm_road_000080.png', row)
    write_picture(tmp_path / truth / 'um_lane_000080.png', ramp(1))

    dataset = open_dataset(f'kitti_road:{tmp_path}')

    assert names(dataset) == ['umm_000080']
    assert first_row(dataset, 3) == ['drivable', 'other', '-']


@pytest.mark.parametrize(
    ('version', 'taxonomy', 'row', 'expected'),
    [
        ('labels', 'mapillary66', [0, 13, 55, 65], ['Bird', 'Road', 'Car', '-']),
        ('v1.2/labels', 'mapillary66', [24], ['Lane Marking - General']),
        ('v2.0/labels', 'mapillary124', [21, 108, 123], ['Road', 'Car', '-']),
        ('v2.0/instances', 'mapillary124', [21 << 8, (108 << 8) + 7], ['Road', 'Car']),
    ],
)
def test_mapillary_is_read_in_its_version(
    version: str, taxonomy: str, row: list[int], expected: list[str], tmp_path: Path
) -> None:
    pair(tmp_path, 'validation/images/_8SJ.jpg', f'validation/{version}/_8SJ.png', row)

    dataset = open_dataset(f'mapillary:{tmp_path}')

    assert dataset.taxonomy.name == taxonomy
    assert first_row(dataset, len(row)) == expected


def test_mapillary_is_grouped_by_the_definitions_of_cityscapes(tmp_path: Path) -> None:
    row = [13, 24, 2, 49, 50, 20, 56]  # road, marking, curb, sign back, sign front, rider, caravan
    pair(tmp_path, 'training/images/a.jpg', 'training/v1.2/labels/a.png', row)

    dataset = open_dataset(f'mapillary:{tmp_path}', 'train', 'cityscapes19')

    expected = ['road', 'road', 'sidewalk', '-', 'traffic sign', 'rider', '-']
    assert first_row(dataset, 7) == expected


def test_the_version_of_mapillary_can_be_chosen(tmp_path: Path) -> None:
    pair(tmp_path, 'training/images/a.jpg', 'training/v1.2/labels/a.png', [13])
    pair(tmp_path, 'training/images/a.jpg', 'training/v2.0/labels/a.png', [21])

    old = open_dataset(f'mapillary:{tmp_path}', 'train', 'mapillary66')
    new = open_dataset(f'mapillary:{tmp_path}', 'train')

    assert (len(old.taxonomy), len(new.taxonomy)) == (65, 123)
    assert first_row(old, 1) == first_row(new, 1) == ['Road']


def test_mapillarys_own_list_says_which_class_an_id_is(tmp_path: Path) -> None:
    pair(tmp_path, 'training/images/a.jpg', 'training/v2.0/labels/a.png', [0, 1, 2])
    labels = [{'readable': name} for name in ('Sky', 'Unlabeled', 'Road')]
    (tmp_path / 'config_v2.0.json').write_text(json.dumps({'labels': labels}), encoding='utf-8')

    assert first_row(open_dataset(f'mapillary:{tmp_path}', 'train'), 3) == ['Sky', '-', 'Road']


def test_a_broken_list_of_mapillary_is_named(tmp_path: Path) -> None:
    pair(tmp_path, 'training/images/a.jpg', 'training/labels/a.png', [0])
    (tmp_path / 'config.json').write_text('{"labels": [1]}', encoding='utf-8')

    with pytest.raises(DatasetError, match=r'config\.json.*comes with the data set'):
        open_dataset(f'mapillary:{tmp_path}', 'train')


@pytest.mark.parametrize(
    ('kind', 'words'),
    [
        ('cityscapes', 'test, train, trainval, val'),
        ('bdd100k', 'no other with labels'),
        ('bdd100k_drivable', 'no other with labels'),
        ('kitti', 'no other with labels'),
        ('kitti_road', 'no other with labels'),
        ('mapillary', 'no other with labels'),
    ],
)
def test_an_unknown_split_is_answered_with_the_known_ones(
    kind: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=f"Unknown split 'dev'.*{words}"):
        open_dataset(f'{kind}:{tmp_path}', 'dev')


@pytest.mark.parametrize(
    ('kind', 'words'),
    [
        ('cityscapes', 'no image folder .*leftImg8bit/val'),
        ('bdd100k', 'no image folder .*images/10k/val'),
        ('bdd100k_drivable', 'no image folder .*images/100k/val'),
        ('camvid32', 'expected 701_StillsRaw_full/ and LabeledApproved_full/'),
        ('kitti', 'no image folder .*training/image_2'),
        ('kitti_road', 'no image folder .*training/image_2'),
        ('mapillary', 'expected one of validation/v2.0/labels'),
    ],
)
def test_an_empty_folder_is_answered_with_what_is_expected(
    kind: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=words):
        open_dataset(f'{kind}:{tmp_path}')


def test_the_same_name_in_two_cities_is_refused(cityscapes: Path) -> None:
    source = cityscapes / 'leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png'
    copy = cityscapes / 'leftImg8bit/train/bochum/aachen_000000_000019_leftImg8bit.png'
    copy.write_bytes(source.read_bytes())

    with pytest.raises(DatasetError, match='Two files share the name'):
        open_dataset(f'cityscapes:{cityscapes}', 'train')


def test_a_palette_of_mapillary_gives_its_indices(tmp_path: Path) -> None:
    pair(tmp_path, 'training/images/a.jpg', 'training/labels/a.png', [13])
    path = tmp_path / 'training' / 'labels' / 'a.png'
    grey = cv2.imencode('.png', np.full((6, 8), 13, np.uint8))[1].tobytes()
    path.write_bytes(grey[:25] + bytes([3]) + grey[26:])

    assert first_row(open_dataset(f'mapillary:{tmp_path}', 'train'), 1) == ['Road']
