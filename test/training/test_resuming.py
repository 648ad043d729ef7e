# SPDX-License-Identifier: Apache-2.0
"""A run goes on with its own recipe only."""

from __future__ import annotations

from pathlib import Path

import pytest

from seg_node.errors import ParameterError
from seg_node.training.recipe.file import read_recipe
from seg_node.training.resuming import keep_recipe, RECIPE_COPY

SMOKE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'


def test_a_run_goes_on_on_other_machines_and_from_other_folders(tmp_path: Path) -> None:
    keep_recipe(read_recipe(SMOKE), tmp_path, begun=False)
    elsewhere = read_recipe(SMOKE, ['compute.devices=2', 'paths.camvid=/x', 'workers=3'])

    keep_recipe(elsewhere, tmp_path, begun=True)

    assert read_recipe(tmp_path / RECIPE_COPY) == elsewhere


def test_a_run_does_not_go_on_with_another_recipe(tmp_path: Path) -> None:
    keep_recipe(read_recipe(SMOKE), tmp_path, begun=False)
    other = read_recipe(SMOKE, ['schedule.epochs=7', 'data.train.0.split=val', 'workers=3'])

    with pytest.raises(ParameterError, match=r'differs in data.train.0.split, schedule.epochs\.'):
        keep_recipe(other, tmp_path, begun=True)

    assert read_recipe(tmp_path / RECIPE_COPY) == read_recipe(SMOKE)


def test_a_run_without_an_epoch_may_start_anew(tmp_path: Path) -> None:
    keep_recipe(read_recipe(SMOKE), tmp_path, begun=False)
    other = read_recipe(SMOKE, ['schedule.epochs=7'])

    keep_recipe(other, tmp_path, begun=False)

    assert read_recipe(tmp_path / RECIPE_COPY) == other
