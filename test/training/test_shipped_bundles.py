# SPDX-License-Identifier: Apache-2.0
"""The bundles in the repository say how they were made, and say it truly."""

from __future__ import annotations

from pathlib import Path

import pytest

from seg_node.bundle import open_bundle
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.weights import load_weights
from seg_node.training.recipe.file import read_recipe, recipe_from

ROOT = Path(__file__).parents[2]
BUNDLES = sorted((ROOT / 'bundles').iterdir())
MOST_BYTES = 25_000_000
NOT_IN_THE_MANIFEST = ('licence', 'name', 'notes', 'paths')


@pytest.mark.parametrize('path', BUNDLES, ids=lambda path: path.name)
def test_recipe_in_the_bundle_is_the_one_in_the_repository(path: Path) -> None:
    manifest = open_bundle(path).manifest

    recipe = read_recipe(ROOT / 'config' / 'train' / f'{path.name}.yaml').to_dict()

    assert manifest.training['notes'] == recipe['notes']
    assert dict(manifest.licence) == recipe['licence']
    apart = {key: recipe[key] for key in NOT_IN_THE_MANIFEST}
    # Keys younger than the bundle have their defaults: what they stand for was done already.
    assert recipe_from({**apart, **manifest.training['recipe']}).to_dict() == recipe
    assert manifest.training['epochs'] == recipe['schedule']['epochs']


@pytest.mark.parametrize('path', BUNDLES, ids=lambda path: path.name)
def test_network_of_the_bundle_is_small_and_fits_its_weights(path: Path) -> None:
    bundle = open_bundle(path)
    network = build_network(NetConfig.from_dict(bundle.manifest.architecture))

    load_weights(network, bundle.weights_path)

    assert network.output_stride == bundle.manifest.output_stride
    assert sum(one.stat().st_size for one in path.iterdir()) < MOST_BYTES
    assert bundle.manifest.quality['export']['equal_labels'] >= 0.9999
