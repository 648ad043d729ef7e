# SPDX-License-Identifier: Apache-2.0
"""A user's folder, whole and broken."""

from __future__ import annotations

import logging
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest
import yaml

from seg_node.datasets import open_folder
from seg_node.errors import DatasetError, TaxonomyError
from tiny import TAXONOMY

from .conftest import absurd_png

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLASSES = len(TAXONOMY)


def write_yaml(path: Path, data: Any) -> None:
    """Write plain data as YAML."""
    path.write_text(yaml.safe_dump(data), encoding='utf-8')


@pytest.fixture
def folder(tmp_path: Path, add_pair: Callable[..., None]) -> Path:
    """Return a folder with two pairs and its own taxonomy."""
    for seed, name in enumerate(('b.png', 'a.jpg')):
        add_pair(tmp_path / 'images', tmp_path / 'labels', name, CLASSES, seed=seed)
    write_yaml(tmp_path / 'taxonomy.yaml', TAXONOMY.to_dict())
    return tmp_path


def test_a_folder_states_its_own_classes(folder: Path) -> None:
    dataset = open_folder(folder)

    assert dataset.taxonomy == TAXONOMY
    assert [dataset[index].name for index in range(len(dataset))] == ['a', 'b']
    assert np.array_equal(dataset[1].labels, (np.arange(48) % CLASSES).reshape(6, 8))


def test_png_images_are_read_as_rgb_without_loss(folder: Path) -> None:
    expected = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)

    assert np.array_equal(open_folder(folder)[1].image, expected)


def test_a_split_is_a_sub_folder(tmp_path: Path, add_pair: Callable[..., None]) -> None:
    for split in ('train', 'val'):
        images, labels = tmp_path / 'images' / split, tmp_path / 'labels' / split
        add_pair(images, labels, f'{split}_1.png', CLASSES)

    assert open_folder(tmp_path, 'train', TAXONOMY)[0].name == 'train_1'
    with pytest.raises(DatasetError, match="no split 'test'; it has train, val"):
        open_folder(tmp_path, 'test', TAXONOMY)


def test_ids_yaml_maps_ids_and_leaves_the_others_unlabelled(folder: Path) -> None:
    write_yaml(folder / 'ids.yaml', {0: 'water', 2: 'green road'})

    labels = open_folder(folder)[1].labels

    assert labels[0, :4].tolist() == [2, 255, 1, 2]


def test_palette_pngs_are_announced(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    grey = (folder / 'labels' / 'a.png').read_bytes()
    palette_kind = grey[:25] + bytes([3]) + grey[26:]
    (folder / 'labels' / 'a.png').write_bytes(palette_kind)

    with caplog.at_level(logging.INFO, 'seg_node'):
        dataset = open_folder(folder)

    assert 'palette PNGs; their indices are taken' in caplog.text
    assert np.array_equal(dataset[0].labels, ((np.arange(48) + 1) % CLASSES).reshape(6, 8))


def test_255_is_allowed_in_every_label_file(folder: Path) -> None:
    cv2.imwrite(str(folder / 'labels' / 'a.png'), np.full((6, 8), 255, np.uint8))

    assert (open_folder(folder)[0].labels == 255).all()


def test_ids_out_of_range_are_named_with_the_file(folder: Path) -> None:
    cv2.imwrite(str(folder / 'labels' / 'a.png'), np.full((6, 8), 7, np.uint8))

    with pytest.raises(DatasetError, match=r"a\.png' holds the ids \[7\]; expected only 0 to 2"):
        open_folder(folder)[0]


def test_sizes_that_differ_are_both_named(folder: Path) -> None:
    cv2.imwrite(str(folder / 'labels' / 'a.png'), np.zeros((12, 8), np.uint8))

    with pytest.raises(DatasetError, match=r"a\.jpg' is 6 x 8 .*a\.png' are 12 x 8"):
        open_folder(folder)[0]


def test_a_damaged_image_is_named(folder: Path) -> None:
    (folder / 'images' / 'a.jpg').write_bytes(b'')

    with pytest.raises(DatasetError, match=r"a\.jpg' is damaged"):
        open_folder(folder)[0]


def test_an_image_of_absurd_size_is_damaged_and_not_a_crash(folder: Path) -> None:
    (folder / 'images' / 'a.jpg').unlink()
    (folder / 'images' / 'a.png').write_bytes(absurd_png())

    with pytest.raises(DatasetError, match=r"a\.png' is damaged"):
        open_folder(folder)[0]


def test_what_systems_and_tools_leave_behind_is_passed_over(folder: Path) -> None:
    (folder / 'images' / '._a.jpg').write_bytes(b'resource fork')
    (folder / 'images' / '.ipynb_checkpoints').mkdir()
    (folder / 'labels' / 'thumbs.png').mkdir()

    dataset = open_folder(folder)

    assert [dataset[index].name for index in range(len(dataset))] == ['a', 'b']


@pytest.mark.parametrize(
    ('gone', 'partner'), [('labels/a.png', 'label'), ('images/b.png', 'image')]
)
def test_a_missing_partner_is_found_on_opening(folder: Path, gone: str, partner: str) -> None:
    (folder / gone).unlink()

    with pytest.raises(DatasetError, match=f'1 of 2 files have no {partner} file'):
        open_folder(folder)


def test_two_images_of_one_name_are_refused(folder: Path) -> None:
    (folder / 'images' / 'a.png').write_bytes((folder / 'images' / 'b.png').read_bytes())

    with pytest.raises(DatasetError, match=r"share the name 'a': 'a\.jpg' and 'a\.png'"):
        open_folder(folder)


def test_a_folder_without_classes_asks_for_them(folder: Path) -> None:
    (folder / 'taxonomy.yaml').unlink()

    with pytest.raises(DatasetError, match=r'has no taxonomy\.yaml.*for example cityscapes19'):
        open_folder(folder)


@pytest.mark.parametrize('ids', ['road', [1, 2], {'road': 7}, {True: 'water'}])
def test_malformed_ids_are_refused(folder: Path, ids: Any) -> None:
    write_yaml(folder / 'ids.yaml', ids)

    with pytest.raises(DatasetError, match='malformed; expected lines such as "7: road"'):
        open_folder(folder)


def test_ids_of_an_unknown_class_are_refused(folder: Path) -> None:
    write_yaml(folder / 'ids.yaml', {7: 'moat'})

    with pytest.raises(TaxonomyError, match="'moat'"):
        open_folder(folder)


def test_a_folder_without_images_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match='no images/ folder; expected images/ and labels/'):
        open_folder(tmp_path, 'val', TAXONOMY)


def test_an_empty_folder_is_refused(folder: Path) -> None:
    for path in (folder / 'images').iterdir():
        path.unlink()

    with pytest.raises(DatasetError, match='holds no image files'):
        open_folder(folder)
