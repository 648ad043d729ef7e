# SPDX-License-Identifier: Apache-2.0
"""Recipes: complete files, overrides, and mistakes that must not train for an hour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from seg_node.errors import ParameterError
from seg_node.training.recipe_file import read_recipe, recipe_from

RECIPES = sorted((Path(__file__).parents[2] / 'config' / 'train').glob('*.yaml'))
SMOKE = next(path for path in RECIPES if path.stem == 'smoke')


def smoke() -> Any:
    return yaml.safe_load(SMOKE.read_text())


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_shipped_recipe_is_valid_and_named_like_its_file(path: Path) -> None:
    recipe = read_recipe(path)

    assert recipe.name == path.stem
    assert set(recipe.licence) == {'weights', 'data'}


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_recipe_survives_yaml(path: Path) -> None:
    recipe = read_recipe(path)

    assert recipe_from(yaml.safe_load(yaml.safe_dump(recipe.to_dict()))) == recipe


def test_overrides_reach_nested_values_and_lists() -> None:
    recipe = read_recipe(
        SMOKE,
        ['schedule.epochs=7', 'data.train.0.dataset=folder:here', 'paths.camvid=/x', 'ema=0'],
    )

    assert recipe.schedule.epochs == 7
    assert recipe.data.train[0].dataset == 'folder:here'
    assert recipe.paths == {'camvid': '/x'}
    assert recipe.ema == 0.0


@pytest.mark.parametrize(
    ('override', 'words'),
    [
        ('schedule.epoch=7', "Unknown key of recipe.schedule 'epoch'; expected one of batch, "),
        ('schedule.epochs=long', "recipe.schedule.epochs is 'long'; expected a value of type int"),
        (
            'optimizer.name=adam',
            "Unknown recipe.optimizer.name 'adam'; expected one of adamw, sgd",
        ),
        ('augment.crop=[96]', r'recipe.augment.crop is \[96\]; expected a list of 2'),
        ('ema=true', 'recipe.ema is True; expected a number'),
        ('data.train.9.split=val', 'fits no place'),
        ('ema', 'has no value'),
        ('network=', 'recipe.network is None; expected a mapping'),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(override: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        read_recipe(SMOKE, [override])


def test_a_missing_key_is_named() -> None:
    data = smoke()
    del data['data']['val']

    with pytest.raises(ParameterError, match=r"The recipe.data lacks 'val'"):
        recipe_from(data)


def test_an_unreadable_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match='Expected a YAML file as in config/train'):
        read_recipe(tmp_path / 'nothing.yaml')
