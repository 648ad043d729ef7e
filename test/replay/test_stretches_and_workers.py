# SPDX-License-Identifier: Apache-2.0
"""A drive cut into stretches, for one process or several, gives the same as a whole one."""

from __future__ import annotations

from dataclasses import replace
import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

import pytest

from replay.drives import write_drive
from replay.runs import FRAMES, records, run, timeless, TRUTH
from seg_node.replay.options import ReplayOptions

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.replay.run import Replay

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]


def test_stretches_of_any_length_give_the_same(
    whole: Replay, drive: Path, bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.replay.plan.SHORTEST_NS', 250_000_000)

    cut = run([drive], tmp_path / 'out', ReplayOptions(bundle, truth=TRUTH))

    assert timeless(cut.out) == timeless(whole.out)
    assert cut.data['sums'] == whole.data['sums']
    assert sum(record.flicker is not None for record in records(cut.out)) == FRAMES - 1


@pytest.mark.slow
def test_processes_give_the_same_as_one(bundle: str, tmp_path: Path) -> None:
    bags = [write_drive(tmp_path / f'{seed}', 120, seed=seed) for seed in range(2)]
    options = ReplayOptions(bundle, truth=TRUTH)

    one = run(bags, tmp_path / 'one', options)
    three = run(bags, tmp_path / 'three', replace(options, workers=3))

    assert timeless(three.out) == timeless(one.out)
    assert three.data['sums'] == one.data['sums']
    assert [bag['sums'] for bag in three.data['bags']] == [bag['sums'] for bag in one.data['bags']]


@pytest.mark.slow
@pytest.mark.parametrize('most', [1, 3])
def test_lost_process_is_replaced_and_too_many_are_told(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags
    from seg_node.replay.scale.workers import LostWorkersError  # noqa: PLC0415

    bag = write_drive(tmp_path / 'drive', 300)
    options = ReplayOptions(bundle, truth=TRUTH, workers=2)
    killed: list[int | None] = []
    monkeypatch.setattr('seg_node.replay.scale.workers.MOST_LOSSES', most)

    def kill(_done: int, _total: int) -> None:
        mine = [one.pid for one in multiprocessing.active_children()]
        if mine and not killed:
            os.kill(mine[0] or 0, signal.SIGKILL)
            killed.append(mine[0])

    if most == 1:
        with pytest.raises(LostWorkersError, match='the same command goes on'):
            replay([bag], tmp_path / 'out', options, on_progress=kill)
    found = replay([bag], tmp_path / 'out', options, on_progress=kill)
    whole = run([bag], tmp_path / 'whole', replace(options, workers=1))

    assert killed
    assert timeless(found.out) == timeless(whole.out)
    assert found.data['sums'] == whole.data['sums']
