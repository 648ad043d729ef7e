# SPDX-License-Identifier: Apache-2.0
"""From a recipe to a bundle, in seconds; and a run that was interrupted."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
import re
import time
from typing import TYPE_CHECKING

import pytest
import torch

from seg_node.bundle import open_bundle
from seg_node.cli.main import main
from seg_node.cli.train_command import summary
from seg_node.errors import BundleError, DatasetError, TrainingError
from seg_node.training.finish import load_run
from seg_node.training.recipe.file import read_recipe
from seg_node.training.run import train
from seg_node.training.run_progress import TimeLimit
from seg_node.training.samples.sources import open_source
import tiny

if TYPE_CHECKING:
    from seg_node.model.network import SegNet

SMOKE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'
ERFNET = ['network.family=erfnet', 'network.pretrained=none']
SMALLER = [*ERFNET, 'augment.crop=[32, 48]', 'augment.scale=[0.4, 0.6]']


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
    short = ['schedule.epochs=2', 'schedule.measure_every=2', 'schedule.batch=2']
    return [*places, 'data.train.0.split=train', *short, 'augment.scale=[0.9, 1.2]']


def test_smoke_recipe_ends_with_a_bundle_that_opens(scenes: Path, tmp_path: Path) -> None:
    arguments = ['train', str(SMOKE), *overrides(scenes), *ERFNET]
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
    """However many worker processes prepared the samples of each part."""
    options = [*overrides(scenes), *SMALLER, 'schedule.epochs=3', 'schedule.measure_every=1']
    recipe = read_recipe(SMOKE, [*options, 'schedule.keep_best=2'])
    with_workers = replace(recipe, workers=2)
    whole = train(recipe, tmp_path / 'whole')

    no_time = TimeLimit(0.0, started=time.monotonic())
    first = train(with_workers, tmp_path / 'parts', limit=no_time)
    second = train(recipe, tmp_path / 'parts', until=2)
    resumed = train(with_workers, tmp_path / 'parts')

    assert [one.epochs for one in (first, second, resumed)] == [1, 2, 3]
    assert [one.ended for one in (first, second, resumed)] == [False, False, True]
    assert same(whole.network, resumed.network)
    assert not same(whole.network, second.network)
    assert resumed.marks == whole.marks
    names = {path.name for path in (tmp_path / 'parts' / 'best').iterdir()}
    assert len(names) == 2
    assert names <= {mark.file for mark in whole.marks}


def test_every_start_has_a_log_of_its_own(scenes: Path, tmp_path: Path) -> None:
    recipe = read_recipe(SMOKE, [*overrides(scenes), *SMALLER, 'schedule.measure_every=1'])

    for until in (1, 2):
        trained = train(recipe, tmp_path, until=until)

    logs = [
        (tmp_path / name / 'metrics.csv').read_text().splitlines() for name in ('log0', 'log1')
    ]
    assert all('loss' in log[0] and 'val_mean_iou' in log[0] for log in logs)
    assert len(list(tmp_path.glob('log*/events.out.tfevents*'))) == (
        2 if find_spec('tensorboard') else 0
    )
    lines = summary(tmp_path, trained, 2).splitlines()
    assert lines[0] == '2 of 2 epochs are trained.'
    assert lines[1].startswith(f'held-out mean IoU: {trained.marks[-1].iou:.4f} after epoch 2')
    assert str(tmp_path / 'log1' / 'metrics.csv') in lines[-1]


def test_loss_that_is_no_number_ends_the_run_with_its_samples(
    scenes: Path, tmp_path: Path
) -> None:
    recipe = read_recipe(SMOKE, [*overrides(scenes), *SMALLER, 'optimizer.lr=1.0e+30'])
    samples = {path.stem for path in (scenes / 'images').rglob('*.*')}

    with pytest.raises(TrainingError, match=r'Try a smaller optimizer\.lr') as caught:
        train(recipe, tmp_path)

    message = str(caught.value)
    assert re.match(r'The loss became (nan|inf) in step 2 of epoch 1, so training', message)
    named = re.search(r'Samples: (.*?)\. ', message)
    assert named
    assert len(named[1].split(', ')) == 2
    assert set(named[1].split(', ')) <= samples


def test_own_classes_train_from_a_plain_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In half the width of numbers, and with a warning that nothing is held out."""
    tiny.write_folder(tmp_path / 'mine', 2)
    places = [f'data.{part}.dataset=folder:{{mine}}' for part in ('train.0', 'val')]
    own = ['taxonomy="{mine}/taxonomy.yaml"', f'paths.mine={tmp_path / "mine"}']
    short = ['schedule.epochs=1', 'schedule.batch=2', 'compute.precision=bf16']
    recipe = read_recipe(SMOKE, [*places, *own, *SMALLER, *short])

    train(recipe, tmp_path / 'run')

    run = load_run(tmp_path / 'run')
    assert run.epochs == 1
    state = run.network.state_dict()
    assert state['decoder.output_conv.weight'].shape[1] == 3
    assert {value.dtype for value in state.values()} == {torch.float32, torch.int64}
    assert '2 of the 2 images of data.val are trained on too' in caplog.text


def test_data_set_without_its_path_says_what_is_missing() -> None:
    recipe = read_recipe(SMOKE, ['data.val.dataset="camvid:{camvid}"'])

    with pytest.raises(DatasetError, match="needs a path 'camvid'; give it under paths"):
        open_source(recipe, recipe.data.val)


def test_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'recipe.yaml').write_text(SMOKE.read_text())

    with pytest.raises(BundleError, match='Train at least one epoch'):
        load_run(tmp_path)
