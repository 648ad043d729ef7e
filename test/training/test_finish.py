# SPDX-License-Identifier: Apache-2.0
"""What is known about a network when its bundle is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from seg_node.bundle import open_bundle
from seg_node.bundle.quality import CONDITIONS, FIGURES, QUALITY_FORMAT
from seg_node.cli.main import main
from seg_node.errors import BundleError, ExportError
from seg_node.model import export
from seg_node.model.build import build_network
from seg_node.model.weights import load_weights, save_weights
from seg_node.training import finish as module
from seg_node.training.finish import finish, load_best, Run
from seg_node.training.recipe.file import read_recipe
from seg_node.training.resuming import keep_recipe
from seg_node.training.run import net_config
import tiny

if TYPE_CHECKING:
    from seg_node.training.recipe import Recipe

SMOKE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Return a recipe that trains and measures on the same two scenes."""
    folder = tiny.write_folder(tmp_path / 'mine', 2)
    classes = folder / 'taxonomy.yaml'
    places = [f'data.{part}.dataset=folder:{folder}' for part in ('train.0', 'val')]
    own = [
        'data.train.0.real=true',
        f'taxonomy={classes}',
        f'data.groups={classes}',
        'network.family=erfnet',
    ]
    return read_recipe(SMOKE, [*places, *own, 'input.height=32', 'input.width=48'])


@pytest.fixture
def run(recipe: Recipe, tmp_path: Path) -> Run:
    (tmp_path / 'run').mkdir()
    torch.manual_seed(0)
    return Run(recipe, build_network(net_config(recipe)).eval(), epochs=1)


def pooled_file(folder: Path, **changes: object) -> Path:
    path = folder / 'pooled.json'
    figures = dict.fromkeys((*CONDITIONS, *FIGURES), 0.5)
    drivable = {'threshold': 0.42, 'recall': 0.95}
    other = {'format': QUALITY_FORMAT, 'temperature': 1.25, 'best_temperature': 1.25}
    path.write_text(json.dumps({**figures, **other, 'drivable': drivable, **changes}))
    return path


def test_pooled_quality_is_stored_and_nothing_is_measured(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.training.merit.measure', None)
    monkeypatch.setattr('seg_node.training.merit.fit_temperature', None)

    bundle = finish(run, tmp_path / 'run', tmp_path / 'bundle', quality=pooled_file(tmp_path))

    manifest = bundle.manifest
    assert (manifest.temperature, manifest.drivable_threshold) == (1.25, 0.42)
    figures = manifest.quality['pooled over fold models']
    assert 'each of them was not trained on' in figures['note']
    assert figures['mean_iou'] == 0.5
    assert manifest.training['never trained on'] == []  # val is what it was trained on
    assert 'not trained on' in manifest.training['temperature fitted on']
    assert manifest.synthetic_only == ()  # few pixels, but all of photographs
    assert manifest.quality['export']['equal_labels'] >= 0.9999
    assert 'each of them was not trained on' in (bundle.path / 'MODEL_CARD.md').read_text()


def test_unusable_quality_writes_nothing(run: Run, tmp_path: Path) -> None:
    path = pooled_file(tmp_path, format='9.0')

    with pytest.raises(BundleError, match=r"format '9\.0'"):
        finish(run, tmp_path / 'run', tmp_path / 'bundle', quality=path)

    assert not (tmp_path / 'bundle').exists()


def test_a_bundle_that_fails_its_check_is_not_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(export, 'LEAST_EQUAL_LABELS', 1.01)
    path = pooled_file(tmp_path)

    with pytest.raises(ExportError, match='No bundle was written'):
        finish(run, tmp_path / 'run', tmp_path / 'bundle', quality=path)

    assert sorted(tmp_path.iterdir()) == sorted([*before, path])


def test_a_target_that_is_no_bundle_is_refused_before_anything_is_measured(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, 'measured', None)

    with pytest.raises(BundleError, match='is no bundle'):
        finish(run, tmp_path / 'run', tmp_path / 'mine')


def test_weights_of_the_best_epoch_are_exported_where_they_are_asked_for(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / 'run'
    keep_recipe(run.recipe, folder, begun=False)
    (folder / 'best').mkdir()
    for file in ('epoch0002_iou0.6000.safetensors', 'epoch0004_iou0.5000.safetensors'):
        save_weights(run.network, folder / 'best' / file)
        torch.nn.init.zeros_(next(run.network.parameters()))

    status = main(['export', str(folder), str(tmp_path / 'bundle'), '--weights', 'best'])

    bundle = open_bundle(tmp_path / 'bundle')
    load_weights(run.network, bundle.weights_path)
    assert status == 0
    assert (bundle.manifest.training['weights'], bundle.manifest.training['epochs']) == ('best', 2)
    assert next(run.network.parameters()).any()


def test_run_that_was_never_measured_has_no_best_weights(run: Run, tmp_path: Path) -> None:
    keep_recipe(run.recipe, tmp_path / 'run', begun=False)

    with pytest.raises(BundleError, match='nothing was measured yet'):
        load_best(tmp_path / 'run')
