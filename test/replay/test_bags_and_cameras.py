# SPDX-License-Identifier: Apache-2.0
"""Several bags in one replay, and several cameras in one bag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bags import write_recording
from replay.drives import write_drive
from replay.runs import records, run, TRUTH
from seg_node.errors import BagError
from seg_node.replay.options import ReplayOptions
from tiny import scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]


def test_scores_of_bags_add_up_to_those_of_all(bundle: str, tmp_path: Path) -> None:
    bags = [write_drive(tmp_path / f'{seed}', 6, seed=seed) for seed in range(2)]

    data = run(bags, tmp_path / 'out', ReplayOptions(bundle, truth=TRUTH)).data

    parts = [np.array(bag['sums']['confusion']) for bag in data['bags']]
    assert [bag['name'] for bag in data['bags']] == ['0', '1']
    assert np.array_equal(sum(parts), data['sums']['confusion'])
    assert data['frames'] == sum(bag['frames'] for bag in data['bags']) == 12


def test_bags_of_one_name_are_told_apart(bundle: str, tmp_path: Path) -> None:
    bags = [write_drive(tmp_path / part / 'drive', 2) for part in 'ab']

    data = run(bags, tmp_path / 'out', ReplayOptions(bundle)).data

    assert [bag['name'] for bag in data['bags']] == ['drive', 'drive~2']


def test_cameras_that_have_to_be_chosen_are_listed(bundle: str, tmp_path: Path) -> None:
    frames = [(10**18 + index * 10**8, scene(seed=index)[0]) for index in range(3)]
    bag = write_recording(tmp_path / 'bag', {'/left/image': frames, '/right/image': frames[:2]})

    with pytest.raises(BagError, match=r'2 camera topics.*: /left/image, /right/image'):
        run([bag], tmp_path / 'none', ReplayOptions(bundle))
    with pytest.raises(BagError, match=r"an image topic '/up'.*: /left/image, /right/image"):
        run([bag], tmp_path / 'other', ReplayOptions(bundle, topics=('/up',)))
    both = run(
        [bag], tmp_path / 'both', ReplayOptions(bundle, topics=('/right/image', '/left/image'))
    )

    assert [(one.topic, one.index) for one in records(both.out)] == [
        *(('/left/image', index) for index in range(3)),
        *(('/right/image', index) for index in range(2)),
    ]
