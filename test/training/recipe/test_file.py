# SPDX-License-Identifier: Apache-2.0
"""Recipes: complete files, overrides, and mistakes that must not train for an hour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from seg_node.bundle import open_bundle
from seg_node.errors import ParameterError
from seg_node.training.recipe.file import find_recipe, read_recipe, recipe_from

RECIPES = sorted((Path(__file__).parents[3] / 'config' / 'train').glob('*.yaml'))
SMOKE = next(path for path in RECIPES if path.stem == 'smoke')
FOLD = next(path for path in RECIPES if path.stem == 'fold')


def smoke() -> Any:
    return yaml.safe_load(SMOKE.read_text())


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_shipped_recipe_is_valid_and_named_like_its_file(path: Path) -> None:
    recipe = read_recipe(path)

    assert recipe.name.partition('-')[0] == path.stem
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


def test_a_choice_changes_every_place_that_names_it() -> None:
    recipe = read_recipe(FOLD, ['fold=0001TP', 'camvid=/data/camvid'])

    assert recipe.name == 'fold-0001TP'
    assert recipe.data.train[0].split == '-0001TP'
    assert recipe.data.val.split == '0001TP'
    assert recipe.data.val.dataset == 'camvid:{camvid}'
    assert recipe.paths == {'camvid': '/data/camvid'}
    assert '0016E5' not in str(recipe)


def test_a_choice_cannot_have_the_name_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / 'mine.yaml'
    path.write_text(yaml.safe_dump({**smoke(), 'choices': {'seed': 1}}))

    with pytest.raises(ParameterError, match="choice 'seed' has the name of a key"):
        read_recipe(path)


@pytest.mark.parametrize('text', ['choices: fold', '- a', 'just words'])
def test_a_file_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / 'mine.yaml'
    path.write_text(text)

    with pytest.raises(ParameterError, match='expected a mapping'):
        read_recipe(path)


def test_recipes_are_found_by_file_and_by_name(tmp_path: Path) -> None:
    path = tmp_path / 'mine.yaml'
    path.write_text('name: mine')

    assert find_recipe(str(path)) == path
    assert find_recipe('smoke').samefile(SMOKE)
    with pytest.raises(ParameterError, match=r"no recipe file 'smoky'.*own_labels, procedural"):
        find_recipe('smoky')


def test_own_labels_go_on_from_the_network_of_the_default_bundle() -> None:
    built = open_bundle('default').manifest.architecture

    network = read_recipe(find_recipe('own_labels')).network

    assert network.pretrained == 'default'
    assert network.family == built['family']
    assert network.finest_stride == built.get('finest_stride', 4)


def test_a_missing_key_is_named() -> None:
    data = smoke()
    del data['data']['val']

    with pytest.raises(ParameterError, match=r"The recipe.data lacks 'val'"):
        recipe_from(data)


def test_an_unreadable_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match='Expected a YAML file as in config/train'):
        read_recipe(tmp_path / 'nothing.yaml')


def test_blocks_of_a_family_without_any_cannot_be_frozen() -> None:
    overrides = ['network.family=erfnet', 'network.frozen=3']

    with pytest.raises(ParameterError, match=r"'erfnet' has no blocks to freeze; expected 0"):
        read_recipe(SMOKE, overrides)


@pytest.mark.parametrize(
    ('override', 'said'),
    [
        ('schedule.epochs=0', 'schedule.epochs is 0; expected a number of at least 1'),
        ('schedule.batch=0', 'schedule.batch is 0; expected a number of at least 1'),
        ('schedule.measure_every=0', 'schedule.measure_every is 0'),
        ('schedule.warmup=1.5', r'schedule.warmup is 1.5; expected a number in 0..1'),
        ('schedule.patience=-1', 'schedule.patience is -1'),
        ('schedule.power=-1', 'schedule.power is -1'),
        ('optimizer.lr=-0.1', 'optimizer.lr is -0.1'),
        ('optimizer.clip_norm=-1', 'optimizer.clip_norm is -1'),
        ('ema=1.0', 'value of ema is 1.0; expected a number in 0..0.999999'),
        ('threads=0', 'value of threads is 0'),
        ('workers=-1', 'value of workers is -1'),
        ('data.cache=-1', 'data.cache is -1'),
        ('data.train.0.per_epoch=-1', 'per_epoch of a data set is -1'),
    ],
)
def test_numbers_that_cannot_be_trained_with_are_refused(override: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        read_recipe(SMOKE, [override])
