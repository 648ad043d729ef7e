# SPDX-License-Identifier: Apache-2.0
"""``seg check-dataset`` from the words of a user to what is printed and written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.cli.main import main
from seg_node.datasets import DATASET_FORMS
from tiny import TAXONOMY, write_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder of two good scenes."""
    return write_folder(tmp_path / 'data', 2)


def test_a_clean_data_set_ends_with_status_0(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(['check-dataset', str(data)])

    printed = capsys.readouterr().out
    assert status == 0
    assert 'green road' in printed
    assert printed.endswith('No problems found.\n')


def test_a_problem_ends_with_status_1_and_numbers_are_written(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / 'labels' / '1.png').unlink()
    file = tmp_path / 'new' / 'report.json'

    status = main(['check-dataset', str(data), '--json', str(file)])

    assert status == 1
    assert '1 kind of problem.' in capsys.readouterr().out
    (problem,) = json.loads(file.read_text(encoding='utf-8'))['problems']
    assert problem['kind'] == 'missing_labels'
    assert problem['files'] == [{'file': str(data / 'images' / '1.png'), 'detail': ''}]


def test_json_on_stdout_stands_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(['check-dataset', str(data), '--json', '-'])

    assert json.loads(capsys.readouterr().out)['clean'] is True


def test_the_sheet_shows_images_and_their_labels(data: Path, tmp_path: Path) -> None:
    file = tmp_path / 'sheet.png'

    status = main(['check-dataset', str(data), '--sheet', str(file)])

    picture = cv2.imread(str(file))
    assert status == 0
    assert picture is not None
    colors = {tuple(color) for color in picture[::7, ::7, ::-1].reshape(-1, 3).tolist()}
    assert {one.color for one in TAXONOMY.classes} <= colors


def test_a_sheet_without_good_samples_is_refused_after_the_report(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(2):
        cv2.imwrite(str(data / 'labels' / f'{seed}.png'), np.full((90, 120), 9, np.uint8))

    status = main(['check-dataset', str(data), '--sheet', str(tmp_path / 'sheet.png')])

    caught = capsys.readouterr()
    assert status == 1
    assert 'label files with values that stand for no class: 2' in caught.out
    assert 'no sample without problems to draw' in caught.err


@pytest.mark.parametrize('verb', ['check-dataset', 'evaluate'])
def test_the_help_lists_all_data_sets(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([verb, '--help'])

    printed = capsys.readouterr().out
    assert all(form in printed for form in DATASET_FORMS)
