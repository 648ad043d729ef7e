# SPDX-License-Identifier: Apache-2.0
"""A file of a run is there in whole, whatever happens while it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from seg_node.training.recipe.file import read_recipe
from seg_node.training.resuming import keep_recipe, RECIPE_COPY
from seg_node.training.whole_file import write_whole

SMOKE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'


def test_a_newer_text_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    for text in ('old', 'new: ü'):
        write_whole(tmp_path / 'a.yaml', text)

    assert [path.name for path in tmp_path.iterdir()] == ['a.yaml']
    assert (tmp_path / 'a.yaml').read_text(encoding='utf-8') == 'new: ü'


def test_a_full_disk_leaves_the_recipe_of_a_run_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_recipe(read_recipe(SMOKE), tmp_path, begun=False)

    def write_half(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text.encode(encoding)[:20])
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_text', write_half)
    with pytest.raises(OSError, match='No space left'):
        keep_recipe(read_recipe(SMOKE, ['workers=3']), tmp_path, begun=True)

    assert read_recipe(tmp_path / RECIPE_COPY) == read_recipe(SMOKE)
    assert [path.name for path in tmp_path.iterdir()] == [RECIPE_COPY]
