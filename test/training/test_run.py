# SPDX-License-Identifier: Apache-2.0
"""From a recipe to a bundle, in seconds; and a run that was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest
import torch
import yaml

from seg_node.bundle import open_bundle
from seg_node.cli.main import main
from seg_node.errors import BundleError, DatasetError
from seg_node.training.finish import load_run
from seg_node.training.recipe_file import read_recipe
from seg_node.training.run import open_source, train
import tiny

if TYPE_CHECKING:
    from seg_node.model.network import SegNet

SMOKE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'
SMALLER = ['network.family=erfnet', 'augment.crop=[32, 48]', 'augment.scale=[0.1, 0.15]']


def same(one: SegNet, other: SegNet) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.fixture(scope='module')
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of a few procedural scenes, rendered once."""
    from seg_node.datasets.procedural import ProceduralScenes, write_scenes  # noqa: PLC0415

    folder = tmp_path_factory.mktemp('scenes')
    write_scenes(ProceduralScenes(4, seed=3, size=(96, 128)), folder)
    return folder


def overrides(scenes: Path) -> list[str]:
    """Return what makes the smoke recipe read the rendered scenes."""
    places = [f'data.train.0.dataset=folder:{scenes}', f'data.val.dataset=folder:{scenes}']
    return [*places, 'data.train.0.split=train', 'schedule.batch=2', 'augment.scale=[0.9, 1.2]']


def test_smoke_recipe_ends_with_a_bundle_that_opens(scenes: Path, tmp_path: Path) -> None:
    arguments = ['train', str(SMOKE), *overrides(scenes), 'network.family=erfnet']
    folders = ['--run', str(tmp_path / 'run'), '--bundle', str(tmp_path / 'bundle')]

    status = main([*arguments, *folders])

    assert status == 0
    manifest = open_bundle(tmp_path / 'bundle').manifest
    assert manifest.name == 'smoke'
    assert manifest.synthetic_only == manifest.taxonomy.names
    assert manifest.quality['folder val']['images'] == 4
    assert manifest.quality['export']['equal_labels'] >= 0.9999
    assert str(tmp_path) not in (tmp_path / 'bundle' / 'manifest.json').read_text()


def test_resumed_run_ends_with_the_same_weights_bit_for_bit(scenes: Path, tmp_path: Path) -> None:
    recipe = read_recipe(SMOKE, [*overrides(scenes), *SMALLER, 'schedule.epochs=3'])
    whole = train(recipe, tmp_path / 'whole')

    partly = train(recipe, tmp_path / 'parts', until=2)
    resumed = train(recipe, tmp_path / 'parts')

    assert same(whole, resumed)
    assert not same(whole, partly)


def test_own_classes_train_from_a_plain_folder(tmp_path: Path) -> None:
    classes = own_folder(tmp_path / 'mine')
    places = [f'data.{part}.dataset=folder:{tmp_path / "mine"}' for part in ('train.0', 'val')]
    own = [f'taxonomy={classes}', f'data.groups={classes}', 'schedule.epochs=1']
    recipe = read_recipe(SMOKE, [*places, *own, *SMALLER, 'schedule.batch=2'])

    train(recipe, tmp_path / 'run')

    run = load_run(tmp_path / 'run')
    assert run.epochs == 1
    assert run.network.state_dict()['decoder.output_conv.weight'].shape[1] == 3


def own_folder(folder: Path) -> Path:
    """Write two tiny scenes and their classes; return the file of the classes."""
    for kind in ('images', 'labels'):
        (folder / kind).mkdir(parents=True)
    for seed in range(2):
        image, labels = tiny.scene(seed=seed)
        cv2.imwrite(str(folder / 'images' / f'{seed}.png'), image[..., ::-1])
        cv2.imwrite(str(folder / 'labels' / f'{seed}.png'), labels)
    path = folder / 'taxonomy.yaml'
    path.write_text(yaml.safe_dump(tiny.TAXONOMY.to_dict()))
    return path


def test_data_set_without_its_path_says_what_is_missing() -> None:
    recipe = read_recipe(SMOKE, ['data.val.dataset="camvid:{camvid}"'])

    with pytest.raises(DatasetError, match="needs a path 'camvid'; give it under paths"):
        open_source(recipe, recipe.data.val)


def test_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'recipe.yaml').write_text(SMOKE.read_text())

    with pytest.raises(BundleError, match='Train at least one epoch'):
        load_run(tmp_path)
