# SPDX-License-Identifier: Apache-2.0
"""A CRF that is trained behind a network, up to the labels that the deployed pipeline gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch.nn import functional

from seg_node.bundle import Manifest
from seg_node.crf import from_plain, preset, refine_scores
from seg_node.crf.tuned import tuned_crf
from seg_node.errors import BundleError, ParameterError
from seg_node.imaging import Placement
from seg_node.model.build import build_network
from seg_node.training import finish as module
from seg_node.training.finish import finish, load_best, load_run, Run
from seg_node.training.recipe import CrfPart, KernelPart
from seg_node.training.recipe.file import read_recipe
from seg_node.training.refinement import learnt_preset, RefinedNetwork, Refinement
from seg_node.training.run import initial_network, net_config, train
import tiny

if TYPE_CHECKING:
    from seg_node.training.recipe import Recipe

SMOKE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'
KERNELS = 'crf.kernels=[{sxy: 4, compat: 0.5}, {sxy: 16, srgb: 20, compat: 1}]'
OPTIONS = CrfPart('joint', (KernelPart(6.0, 0.0, 1.0), KernelPart(24.0, 20.0, 3.0)), 'matrix')
SIZE = (48, 64)


@pytest.fixture(scope='module')
def places(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tiny.write_folder(tmp_path_factory.mktemp('data') / 'mine', 4)
    data = [f'data.{part}.dataset=folder:{folder}' for part in ('train.0', 'val')]
    classes = folder / 'taxonomy.yaml'
    return [*data, f'taxonomy={classes}', f'data.groups={classes}', 'data.train.0.real=true']


def short_recipe(places: list[str], *options: str) -> Recipe:
    small = ['network.family=erfnet', 'network.pretrained=none', 'augment.crop=[32, 48]']
    size = ['input.height=48', 'input.width=64', 'optimizer.lr=0.001', 'schedule.batch=2']
    time = ['schedule.epochs=2', 'schedule.measure_every=1', KERNELS, 'crf.iterations=2']
    return read_recipe(SMOKE, [*places, *small, *size, *time, *options])


def figures(iou: float) -> dict[str, Any]:
    return {'mean_iou': iou, 'global_accuracy': 0.9, 'iou': {'road': iou}}


def moved(recipe: Recipe, folder: Path) -> tuple[bool, bool]:
    """Train, and return whether network and CRF have other weights than before."""
    before = initial_network(recipe).state_dict()
    train(recipe, folder)
    run = load_run(folder)
    assert run.refinement is not None
    after = run.network.state_dict()
    start = Refinement(recipe.crf, len(tiny.TAXONOMY), stride=1).state_dict()
    changes = [torch.equal(start[name], one) for name, one in run.refinement.state_dict().items()]
    return any(not torch.equal(before[name], after[name]) for name in after), not any(changes)


def test_head_learns_behind_a_network_that_stays_as_it_is(
    places: list[str], tmp_path: Path
) -> None:
    """Statistics of norms and dropout included."""
    recipe = short_recipe(places, 'crf.train=head', 'schedule.epochs=1')

    assert moved(recipe, tmp_path) == (False, True)


def test_network_and_crf_learn_together_and_go_on_bit_for_bit(
    places: list[str], tmp_path: Path
) -> None:
    recipe = short_recipe(places, 'crf.train=joint', 'crf.weights=matrix', 'loss.auxiliary=0.4')

    changed = moved(recipe, tmp_path / 'whole')
    train(recipe, tmp_path / 'parts', until=1)
    train(recipe, tmp_path / 'parts')

    assert changed == (True, True)
    whole, parts = (load_run(tmp_path / name).refinement for name in ('whole', 'parts'))
    assert whole is not None
    assert parts is not None
    pairs = zip(whole.parameters(), parts.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_bundle_keeps_the_plain_network_and_the_crf_as_a_preset(
    places: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = short_recipe(places, 'crf.train=joint', 'crf.temperature=1.2')
    refinement = Refinement(recipe.crf, len(tiny.TAXONOMY), stride=1)
    run = Run(recipe, build_network(net_config(recipe)).eval(), 1, refinement=refinement)
    exported: list[Any] = []
    monkeypatch.setattr(module, 'export_bundle', lambda *given: exported.extend(given))

    finish(run, tmp_path, tmp_path / 'bundle')

    network, manifest, *_ = exported
    tuned = tuned_crf(Manifest.from_dict(manifest.to_dict()))
    assert network is run.network
    assert tuned is not None
    assert tuned.options == from_plain(refinement.field.plain_options(stride=1))
    assert [kernel.sxy for kernel in tuned.options.kernels] == [4, 16]
    assert manifest.temperature == 1.2
    iou = manifest.crf['measured']['mean_iou']
    assert tuned.enabled == (iou['after'] >= iou['before'])
    assert iou['before'] == manifest.quality['folder val']['tiny3']['mean_iou']


def test_deployed_crf_gives_the_labels_that_were_trained() -> None:
    """From the options of the manifest, at the resolution of the scores."""
    random = torch.Generator().manual_seed(1)
    blocks = torch.randint(0, 256, (1, 3, 6, 8), generator=random).float()
    images = functional.interpolate(blocks, size=SIZE, mode='nearest')
    scores = torch.randn(1, 5, 24, 32, generator=random)
    options = replace(OPTIONS, temperature=1.3)
    refinement = Refinement(options, 5, stride=2)
    with torch.no_grad():
        refinement.field.compat[1] += torch.randn(5, 5, generator=random)

    entry = learnt_preset(refinement, 'yard val', before=figures(0.5), after=figures(0.6))
    deployed = refine_scores(
        scores[0].numpy(),
        Placement(SIZE, SIZE, 0, 0, *SIZE),
        options.temperature,
        images[0].permute(1, 2, 0).numpy().astype(np.uint8),
        replace(from_plain(entry['preset']), backend='torch'),
    )

    with torch.no_grad():
        logs = RefinedNetwork(lambda _: scores, refinement)(images)
    whole = functional.interpolate(logs, size=SIZE, mode='bilinear')
    trained = whole[0].argmax(0).numpy()
    assert (deployed == trained).mean() > 0.999
    plain = functional.interpolate(scores, size=SIZE, mode='bilinear')[0].argmax(0).numpy()
    assert (plain == trained).mean() < 0.9


def test_crf_that_does_harm_is_off_in_the_bundle_and_says_why() -> None:
    refinement = Refinement(OPTIONS, 5, stride=2)

    worse = learnt_preset(refinement, 'yard val', before=figures(0.5), after=figures(0.49))
    as_good = learnt_preset(refinement, 'yard val', before=figures(0.5), after=figures(0.5))

    assert not worse['enabled']
    assert (
        worse['why_not'] == 'Its mean IoU on yard val is 0.4900, that of the network alone 0.5000.'
    )
    assert as_good['enabled']
    assert not as_good['why_not']


def test_recipe_starts_from_the_classic_preset() -> None:
    refinement = Refinement(CrfPart(weights='scalar'), 5, stride=2)

    options = from_plain(refinement.field.plain_options(stride=2))

    assert replace(options, resolution='output') == preset('classic')


def test_best_weights_and_pooled_figures_know_no_crf(places: list[str], tmp_path: Path) -> None:
    recipe = short_recipe(places, 'crf.train=head', 'schedule.epochs=1')
    train(recipe, tmp_path)
    network = build_network(net_config(recipe))
    run = Run(recipe, network, 1, refinement=Refinement(recipe.crf, 3, 1))

    with pytest.raises(BundleError, match='only the last weights are kept'):
        load_best(tmp_path)
    with pytest.raises(BundleError, match='knows nothing of the trained CRF'):
        finish(run, tmp_path, tmp_path / 'bundle', quality=tmp_path / 'pooled.json')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ('crf.kernels=[]', 'expected at least one kernel'),
        ('crf.kernels=[{sxy: 0}]', 'expected more than 0 px'),
        ('crf.kernels=[{sxy: 3, srgb: 0.5}]', r'srgb is 0\.5; expected a number of at least 1'),
        ('crf.iterations=0', r'crf\.iterations is 0; expected a number in 1\.\.1000'),
        ('crf.temperature=0', r'crf\.temperature'),
        ('crf.train=off', 'crf.train'),
    ],
)
def test_recipe_that_is_no_crf_is_refused(options: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        read_recipe(SMOKE, [options])
