# SPDX-License-Identifier: Apache-2.0
"""``seg show-samples``."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from seg_node.cli.main import main

SMOKE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'

pytestmark = [pytest.mark.needs_torch, pytest.mark.needs_lightning]


def test_show_samples_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / 'new' / 'page.png'

    status = main(['show-samples', str(SMOKE), 'augment.fog=1.0', '--count', '2', '-o', str(page)])

    picture = cv2.imread(str(page))
    assert status == 0
    assert capsys.readouterr().out == f'{page}\n'
    assert picture is not None
    assert picture.shape[1] > 3 * 400
    assert picture.shape[0] > 2 * 300


def test_show_samples_names_a_value_that_makes_no_sense(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / 'page.png'

    status = main(['show-samples', str(SMOKE), 'augment.fog=2', '-o', str(page)])

    assert status == 1
    assert 'augment.fog' in capsys.readouterr().err
    assert not page.exists()
