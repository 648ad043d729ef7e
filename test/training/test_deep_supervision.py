# SPDX-License-Identifier: Apache-2.0
"""Auxiliary heads learn with the network, and stay behind when it leaves."""

from __future__ import annotations

from pathlib import Path

import torch

from seg_node.datasets.procedural import ProceduralScenes, write_scenes
from seg_node.model.auxiliary import AuxiliaryHeads
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.training.descent import make_optimizer
from seg_node.training.recipe import OptimizerPart
from seg_node.training.recipe.file import read_recipe
from seg_node.training.run import train

SMOKE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'


def test_auxiliary_heads_are_trained_and_not_averaged(tmp_path: Path) -> None:
    scenes = tmp_path / 'scenes'
    write_scenes(ProceduralScenes(2, seed=3, size=(48, 64)), scenes)
    places = [f'data.train.0.dataset=folder:{scenes}', f'data.val.dataset=folder:{scenes}']
    small = ['augment.crop=[32, 48]', 'schedule.batch=2', 'schedule.epochs=1', 'input.height=48']
    erfnet = ['network.family=erfnet', 'network.pretrained=none', 'loss.auxiliary=0.4']
    recipe = read_recipe(SMOKE, [*places, *small, 'input.width=64', *erfnet])

    train(recipe, tmp_path / 'run')

    state = torch.load(tmp_path / 'run' / 'last.ckpt', weights_only=True)['state_dict']
    network = build_network(NetConfig('erfnet', 19))
    averaged = {name.partition('.network.')[2] for name in state if name.startswith('average.')}
    assert 'heads.heads.0.weight' in state
    assert averaged - {''} == set(network.state_dict())


def test_optimizer_moves_heads_at_the_rate_of_the_decoder() -> None:
    network = build_network(NetConfig('lite0', 5))
    heads = AuxiliaryHeads(network, 5)

    optimizer = make_optimizer(network, OptimizerPart(lr=0.01, encoder_lr=0.1), heads)

    rates = {id(one): group['lr'] for group in optimizer.param_groups for one in group['params']}
    assert {rates[id(one)] for one in heads.parameters()} == {0.01}
