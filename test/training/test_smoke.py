# SPDX-License-Identifier: Apache-2.0
"""The whole way, learning included: from drawn scenes to the scores of a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seg_node.cli.main import main

SMOKE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'
# A network that gives one class to every pixel reaches 2 %, and is right for 40 % of the pixels.
WELL_ABOVE_CHANCE = 0.08
MOST_PIXELS = 0.55


@pytest.mark.smoke
def test_smoke_recipe_learns_to_see(tmp_path: Path) -> None:
    scores = tmp_path / 'scores.json'

    trained = main(['train', str(SMOKE), '--run', str(tmp_path / 'run')])
    evaluated = main(
        [
            *('evaluate', str(tmp_path / 'run' / 'bundle'), 'procedural:4@3'),
            *('--split', 'val', '--json', str(scores)),
        ]
    )

    assert (trained, evaluated) == (0, 0)
    figures = json.loads(scores.read_text())
    assert figures['frames'] == 4
    assert figures['mean_iou'] > WELL_ABOVE_CHANCE
    assert figures['global_accuracy'] > MOST_PIXELS
