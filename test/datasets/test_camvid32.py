# SPDX-License-Identifier: Apache-2.0
"""CamVid in 32 colours, as trees of a few tiny files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from seg_node.datasets import open_dataset
from seg_node.datasets.camvid32 import segnet_split
from seg_node.errors import DatasetError, TaxonomyError

from .conftest import ramp, write_picture

# Road, marking, pedestrian, column, van, void: from label_colors.txt of the data set.
COLORS = [(128, 64, 128), (128, 0, 192), (64, 64, 0), (192, 192, 128), (64, 128, 192), (0, 0, 0)]
FRAMES = ('0001TP_006690', '0006R0_f00930', '0016E5_07961', '0001TP_008550', 'Seq05VD_f00000')


def write(root: Path, images: str, labels: str, frame: str) -> None:
    """Write an image and its label picture."""
    write_picture(root / images / f'{frame}.png', ramp(1))
    rows = np.repeat(np.resize(np.array(COLORS, np.uint8), (1, 8, 3)), 6, axis=0)
    write_picture(root / labels / f'{frame}_L.png', rows)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return all frames in the two folders of the download."""
    for frame in FRAMES:
        write(tmp_path, '701_StillsRaw_full', 'LabeledApproved_full', frame)
    return tmp_path


def first_row(spec: str, taxonomy: str | None = None, split: str = 'train') -> list[str]:
    """Return the class names, or '-', of the first six pixels."""
    dataset = open_dataset(spec, split, taxonomy)
    row = dataset[0].labels[0, :6]
    return ['-' if one == 255 else dataset.taxonomy.names[one] for one in row]


def test_colours_become_classes_and_void_unlabelled(root: Path) -> None:
    expected = ['Road', 'LaneMkgsDriv', 'Pedestrian', 'Column_Pole', 'SUVPickupTruck', '-']

    assert first_row(f'camvid32:{root}') == expected


def test_classes_are_grouped_as_in_segnets_files(root: Path) -> None:
    expected = ['Road', 'Road', 'Pedestrian', 'Pole', 'Car', '-']

    assert first_row(f'camvid32:{root}', 'camvid11') == expected


def test_classes_are_grouped_to_cityscapes_where_that_is_sensible(root: Path) -> None:
    expected = ['road', 'road', 'person', 'pole', 'car', '-']

    assert first_row(f'camvid32:{root}', 'cityscapes19') == expected


@pytest.mark.parametrize(
    ('split', 'expected'),
    [
        ('train', ['0001TP_006690', '0006R0_f00930']),
        ('val', ['0016E5_07961']),
        ('test', ['0001TP_008550', 'Seq05VD_f00000']),
        ('-0006R0', ['0001TP_006690', '0016E5_07961']),
    ],
)
def test_the_split_goes_by_the_names_of_the_frames(
    split: str, expected: list[str], root: Path
) -> None:
    dataset = open_dataset(f'camvid32:{root}', split)

    assert [dataset[index].name for index in range(len(dataset))] == expected


def test_folders_for_the_splits_are_known_too(tmp_path: Path) -> None:
    write(tmp_path, 'val', 'val_labels', '0016E5_07961')

    assert first_row(f'camvid32:{tmp_path}', split='val')[0] == 'Road'


def test_a_list_of_colours_in_the_folder_counts(root: Path) -> None:
    names = ('Road', 'Sky', 'Pedestrian', 'Tree', 'Car', 'Void')
    lines = [f'{r} {g} {b}\t{name}' for (r, g, b), name in zip(COLORS, names, strict=True)]
    (root / 'label_colors.txt').write_text('\n'.join(['# R G B name', '', *lines]))

    assert first_row(f'camvid32:{root}') == ['Road', 'Sky', 'Pedestrian', 'Tree', 'Car', '-']


@pytest.mark.parametrize('line', ['1 2 Road', '300 0 0 Road', 'Road', '0 0 0 Road\n0 0 0 Sky'])
def test_a_malformed_list_of_colours_is_refused(line: str, root: Path) -> None:
    (root / 'label_colors.txt').write_text(line)

    with pytest.raises(DatasetError, match=r'has the line .*; expected red, green and blue'):
        open_dataset(f'camvid32:{root}')


def test_a_list_of_colours_with_an_unknown_class_is_refused(root: Path) -> None:
    (root / 'label_colors.txt').write_text('1 2 3 Moat')

    with pytest.raises(TaxonomyError, match="'Moat'"):
        open_dataset(f'camvid32:{root}')


def test_a_colour_between_two_classes_is_an_error(root: Path) -> None:
    path = root / 'LabeledApproved_full' / f'{FRAMES[2]}_L.png'
    write_picture(path, np.full((6, 8, 3), (128, 63, 128), np.uint8))

    with pytest.raises(DatasetError, match=r'_L\.png. holds the colours \[\(128, 63, 128\)\]'):
        open_dataset(f'camvid32:{root}')[0]


def test_ids_where_colours_are_expected_are_an_error(root: Path) -> None:
    path = root / 'LabeledApproved_full' / f'{FRAMES[2]}_L.png'
    write_picture(path, np.zeros((6, 8), np.uint8))

    with pytest.raises(DatasetError, match='8 bit grey PNG; expected the colours'):
        open_dataset(f'camvid32:{root}')[0]


@pytest.mark.needs_camvid
def test_segnets_split_of_the_real_frames_is_told_by_name() -> None:

    root = Path(os.environ['SEG_NODE_CAMVID']) / 'images'

    for split, count in (('train', 367), ('val', 101)):
        frames = [path.stem for path in (root / split).glob('*.jpg')]
        assert [segnet_split(one) for one in frames] == [split] * count
