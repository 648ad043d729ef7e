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


@pytest.mark.parametrize(
    ('verb', 'module', 'name'),
    [
        ('show-samples', 'seg_node.training.augmentation.sheet', 'Sheet'),
        ('show-weights', 'seg_node.training.weights.sheet', 'draw_weights'),
    ],
)
def test_a_page_names_the_data_and_not_the_name_of_its_path(
    verb: str, module: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    title: list[object] = []

    def stop(*words: object) -> None:
        title.extend(words[:2])
        raise KeyboardInterrupt

    monkeypatch.setattr(f'{module}.{name}', stop)
    recipe = tmp_path / 'recipe.yaml'
    text = SMOKE.read_text(encoding='utf-8').replace("'procedural:12@3'", "'{scenes}:1@3'")
    recipe.write_text(text + 'paths: {scenes: elsewhere}\n', encoding='utf-8')

    words = [verb, str(recipe), 'scenes=procedural', '--count', '1']
    main([*words, '-o', str(tmp_path / 'page.png')])

    assert 'procedural:1@3 train' in ' '.join(map(str, title))


def test_show_samples_takes_the_name_of_a_shipped_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['smoke', 'augment.fog=2', '-o', str(tmp_path / 'page.png')]

    assert main(['show-samples', *words]) == 1
    assert 'augment.fog' in capsys.readouterr().err  # so the file was found
