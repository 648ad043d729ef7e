# SPDX-License-Identifier: Apache-2.0
"""A data set with one thing wrong of each kind, and what the check says about it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import yaml

from seg_node.datasets.check import as_json, as_text, check_dataset
from seg_node.errors import DatasetError
from tiny import scene, TAXONOMY

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.datasets.check import Check

SIZE = (12, 16)


def write(path: Path, pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> None:
    """Write RGB or grey pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder of three good samples in split train."""
    for seed in range(3):
        image, labels = scene(SIZE, seed)
        write(tmp_path / 'images' / 'train' / f'{seed}.png', image)
        write(tmp_path / 'labels' / 'train' / f'{seed}.png', labels)
    classes = yaml.safe_dump(TAXONOMY.to_dict())
    (tmp_path / 'taxonomy.yaml').write_text(classes, encoding='utf-8')
    return tmp_path


def break_everything(data: Path) -> None:
    """Add samples that are wrong in one way each; they are named after it."""
    images, labels = data / 'images' / 'train', data / 'labels' / 'train'
    zeros = np.zeros(SIZE, np.uint8)
    label_files: dict[str, npt.NDArray[np.uint8] | npt.NDArray[np.uint16]] = {
        'colours': np.zeros((*SIZE, 3), np.uint8),
        'deep': np.zeros(SIZE, np.uint16),
        'empty': np.full(SIZE, 255, np.uint8),
        'high': np.full(SIZE, 7, np.uint8),
        'other_size': np.zeros((6, 16), np.uint8),
        'torn_image': zeros,
        'torn_labels': zeros,
        'copy': zeros,
        'leak': zeros,
        'palette': zeros,
        'no_image': zeros,
    }
    for seed, (name, stored) in enumerate(label_files.items()):
        write(labels / f'{name}.png', stored)
        write(
            images / f'{name}.png',
            np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8),
        )
    write(images / 'no_labels.png', zeros)
    (images / 'no_image.png').unlink()
    write(images / '0.jpg', zeros)
    (images / 'torn_image.png').write_bytes(b'\x89PNG')
    (labels / 'torn_labels.png').write_bytes((labels / 'copy.png').read_bytes()[:40])
    shutil.copy(images / '1.png', images / 'copy.png')
    shutil.copy(labels / '1.png', labels / 'copy.png')
    for kind in ('images', 'labels'):
        (data / kind / 'val').mkdir()
        shutil.copy(data / kind / 'train' / 'leak.png', data / kind / 'val' / 'other_name.png')
    grey = (labels / 'palette.png').read_bytes()
    (labels / 'palette.png').write_bytes(grey[:25] + bytes([3]) + grey[26:])


def files_by_kind(check: Check) -> dict[str, list[str]]:
    """Return the names of the files of each finding."""
    return {
        finding.kind: [fault.file.rpartition('/')[2] for fault in finding.faults]
        for finding in check.findings
    }


def test_a_good_data_set_has_no_problems(data: Path) -> None:
    check = check_dataset(str(data), 'train')

    assert check.findings == ()
    assert check.tally.samples == len(check.samples) == 3
    assert 'No problems found.' in as_text(check)


def test_everything_that_is_wrong_is_found_in_one_go(data: Path) -> None:
    break_everything(data)

    check = check_dataset(str(data), 'train')

    assert files_by_kind(check) == {
        'missing_labels': ['no_labels.png'],
        'missing_images': ['no_image.png'],
        'same_name': ['0.png'],
        'unreadable_image': ['torn_image.png'],
        'unreadable_labels': ['torn_labels.png'],
        'size_mismatch': ['other_size.png'],
        'color_labels': ['colours.png'],
        'sixteen_bit': ['deep.png'],
        'strange_values': ['high.png'],
        'empty_labels': ['empty.png'],
        'duplicates': ['copy.png'],
        'leaks': ['leak.png'],
        'palette': ['palette.png'],
    }
    names = [check.samples[index].name for index in range(len(check.samples))]
    assert names == ['0', '1', '2', 'copy', 'leak', 'palette']


def test_the_text_names_files_findings_and_remedies(data: Path) -> None:
    break_everything(data)

    text = as_text(check_dataset(str(data), 'train'))

    assert '7 (192 px)' in text
    assert 'labels 6 x 16, image 12 x 16 (height x width)' in text
    assert 'In all files together: 7: 192 px.' in text
    assert "in split 'val' as" in text
    assert 'same as' in text
    assert 'Their indices are taken as class ids; their colours are not looked at.' in text
    assert 'Resize the labels with nearest neighbour' in text
    assert '12 kinds of problems.' in text


def test_counts_are_those_of_the_pixels(data: Path) -> None:
    check = check_dataset(str(data), 'train')

    labels = np.stack([scene(SIZE, seed)[1] for seed in range(3)])
    assert check.tally.pixels.tolist() == np.bincount(labels.ravel(), minlength=3).tolist()
    assert check.tally.images.tolist() == [int((labels == k).any((1, 2)).sum()) for k in range(3)]


def test_shares_are_of_all_pixels_and_unlabelled_ones_are_counted(data: Path) -> None:
    half = np.zeros(SIZE, np.uint8)
    half[6:] = 255
    for seed in range(3):
        write(data / 'labels' / 'train' / f'{seed}.png', half)

    plain = as_json(check_dataset(str(data), 'train'))

    assert [one['share'] for one in plain['classes']] == [0.5, 0.0, 0.0]
    assert plain['unlabelled_share'] == 0.5
    absent = next(one for one in plain['notes'] if one['kind'] == 'absent_classes')
    assert [one['file'] for one in absent['files']] == ['green road', 'water']
    assert plain['clean'] is True


def test_several_sizes_are_worth_a_note(data: Path) -> None:
    image, labels = scene((20, 16), 5)
    write(data / 'images' / 'train' / 'tall.png', image)
    write(data / 'labels' / 'train' / 'tall.png', labels)

    check = check_dataset(str(data), 'train')

    assert check.problems == ()
    assert files_by_kind(check) == {'several_sizes': ['12 x 16', '20 x 16']}


def test_ids_that_start_at_one_are_suspected(data: Path) -> None:
    for seed in range(3):
        path = data / 'labels' / 'train' / f'{seed}.png'
        write(path, scene(SIZE, seed)[1] + np.uint8(1))

    check = check_dataset(str(data), 'train')

    assert 'The ids seem to start at 1 instead of 0.' in as_text(check)


def test_masks_of_0_and_255_are_suspected_and_can_be_mapped(data: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[6:] = 255
    for seed in range(3):
        write(data / 'labels' / 'train' / f'{seed}.png', mask)
    suspicion = 'If 255 stands for a class'
    before = as_text(check_dataset(str(data), 'train'))
    (data / 'ids.yaml').write_text('0: lava\n255: green road\n', encoding='utf-8')

    after = check_dataset(str(data), 'train')

    assert suspicion in before
    assert suspicion not in as_text(after)
    assert after.tally.pixels.tolist() == [288, 288, 0]


def test_a_long_list_of_files_is_cut_in_the_text_alone(data: Path) -> None:
    for number in range(8):
        write(data / 'images' / 'train' / f'x{number}.png', np.zeros(SIZE, np.uint8))

    check = check_dataset(str(data), 'train')

    assert 'and 3 more; --json lists all' in as_text(check)
    assert len(as_json(check)['problems'][0]['files']) == 8


def test_classes_are_counted_in_the_taxonomy_asked_for(tmp_path: Path) -> None:
    write(tmp_path / 'images' / 'a.png', np.zeros((*SIZE, 3), np.uint8))
    write(tmp_path / 'labels' / 'a.png', np.resize(np.array([13, 15], np.uint8), SIZE))
    (tmp_path / 'ids.yaml').write_text('target: cityscapes19\nids: {13: car, 15: bus}\n')

    check = check_dataset(str(tmp_path), taxonomy='camvid11')

    counts = dict(zip(check.taxonomy.names, check.tally.pixels.tolist(), strict=True))
    assert counts.pop('Car') == 12 * 16
    assert not any(counts.values())
    assert check.samples.taxonomy.name == 'camvid11'


def test_labels_without_a_class_of_the_taxonomy_asked_for_are_empty(tmp_path: Path) -> None:
    write(tmp_path / 'training' / 'images' / 'a.png', np.zeros((*SIZE, 3), np.uint8))
    write(tmp_path / 'training' / 'labels' / 'a.png', np.zeros(SIZE, np.uint8))  # birds

    check = check_dataset(f'mapillary:{tmp_path}', 'train', 'cityscapes19')

    assert [finding.kind for finding in check.problems] == ['empty_labels']


def test_numbers_where_colours_are_expected_are_found(data: Path) -> None:
    (data / 'label_colors.txt').write_text('255 0 0 lava\n0 255 0 green road\n0 0 255 water\n')
    image, labels = scene(SIZE, 0)
    write(data / 'labels' / 'train' / '0.png', TAXONOMY.colors[labels])

    check = check_dataset(str(data), 'train')

    assert files_by_kind(check)['id_labels'] == ['1.png', '2.png']
    assert np.array_equal(check.samples[0].labels, labels)
    assert np.array_equal(check.samples[0].image, image)


def test_folders_without_labels_are_a_finding(data: Path) -> None:
    for path in (data / 'labels' / 'train').iterdir():
        path.rename(path.with_suffix('.bmp'))

    check = check_dataset(str(data), 'train')

    assert [finding.kind for finding in check.problems] == ['no_files', 'missing_labels']
    assert check.tally.samples == 0


def test_a_split_that_is_not_there_is_an_error(data: Path) -> None:
    with pytest.raises(DatasetError, match="no split 'dev'"):
        check_dataset(str(data), 'dev')


def test_made_up_scenes_are_counted_too() -> None:
    check = check_dataset('procedural:1')

    assert check.problems == ()
    assert check.tally.samples == 1
    assert check.tally.pixels.sum() + check.tally.unlabelled == 360 * 480
