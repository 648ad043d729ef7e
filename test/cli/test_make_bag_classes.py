# SPDX-License-Identifier: Apache-2.0
"""Where seg make-bag finds the classes of label images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import pytest
import yaml

from bags import read_bag
from seg_node.cli.main import main
from tiny import scene, TAXONOMY

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_rosbags

CLASSES = '/camera/segmentation/truth/classes'


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, ...]:
    """The words for a folder with an image and its labels."""
    image, ids = scene((20, 30))
    for name, pixels in (('images', image), ('labels', ids)):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / 'a.png'), pixels)
    labels = str(tmp_path / 'labels')
    return (str(tmp_path / 'images'), str(tmp_path / 'bag'), '--labels', labels)


@pytest.mark.parametrize('place', ['.', 'labels'])
def test_classes_are_read_from_the_label_folder_or_beside_it(
    pair: tuple[str, ...], tmp_path: Path, place: str
) -> None:
    text = yaml.safe_dump(TAXONOMY.to_dict(), sort_keys=False)
    (tmp_path / place / 'taxonomy.yaml').write_text(text, encoding='utf-8')

    assert main(['make-bag', *pair]) == 0

    ((_, names),) = read_bag(tmp_path / 'bag')[CLASSES]
    assert json.loads(names.data) == TAXONOMY.to_dict()


def test_classes_that_are_named_come_first(pair: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / 'taxonomy.yaml').write_text('malformed', encoding='utf-8')

    assert main(['make-bag', *pair, '--taxonomy', 'camvid11']) == 0


def test_labels_of_unknown_classes_are_refused(
    pair: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['make-bag', *pair]) == 1

    said = capsys.readouterr().err
    assert 'Add --taxonomy' in said
    assert 'put taxonomy.yaml into their folder or beside it' in said
    assert not (tmp_path / 'bag').exists()


def test_labels_that_are_coded_otherwise_are_refused(
    pair: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ('taxonomy.yaml', 'ids.yaml'):
        (tmp_path / name).write_text('', encoding='utf-8')

    assert main(['make-bag', *pair]) == 1

    assert f'seg make-bag folder:{tmp_path}' in capsys.readouterr().err


@pytest.mark.parametrize('source', ['IMAGES', 'drive:1'])
def test_classes_without_labels_are_refused(
    pair: tuple[str, ...], source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    images = pair[0] if source == 'IMAGES' else source

    assert main(['make-bag', images, pair[1], '--taxonomy', 'camvid11']) == 1

    assert "--taxonomy 'camvid11' names the classes of labels, and there are none" in (
        capsys.readouterr().err
    )
