# SPDX-License-Identifier: Apache-2.0
"""Drives that are played to a real node over DDS, in processes and a domain of their own."""

from __future__ import annotations

from itertools import pairwise
import json
from threading import Timer
from typing import Any, TYPE_CHECKING

import pytest

from replay.drives import TRUTH_TOPIC, write_drive
from seg_node.cli.main import main
from seg_node.processes import Crew
from seg_node.replay.live.digests import read_digests
from tiny import tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seg_node.processes import Event

pytestmark = [
    pytest.mark.needs_ros,
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
]

GATE = '0.05'  # some frames of the drive are above it


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of the tiny bundle."""
    return str(tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path)


def play(out: Path, bundle: str, *words: str) -> tuple[int, dict[str, Any]]:
    """Run ``seg replay --live``; return its status and ``live.json``."""
    crf = ('--crf', 'classic', '--crf-min-uncertain-fraction', GATE)
    status = main(['replay', *words, '--bundle', bundle, *crf, '--out', str(out)])
    data = json.loads((out / 'live.json').read_text(encoding='utf-8'))
    sent = data['lost_on_the_way'] + data['processed'] + sum(data['dropped'].values())
    assert data['sent'] == sent
    assert data['strangers'] == 0
    return status, data


def records(out: Path) -> list[dict[str, Any]]:
    """Return what the recorder wrote."""
    lines = (out / 'live' / 'record' / 'records.jsonl').read_text(encoding='utf-8').splitlines()
    return [json.loads(line) for line in lines]


def test_masks_of_the_node_are_those_of_the_offline_replay_byte_for_byte_each_time_round(
    bundle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drive = write_drive(tmp_path / 'drive', 26, storage='sqlite3', cut=7)
    out = tmp_path / 'out'
    words = ('--live', '1', '--loops', '2', '--truth-topic', TRUTH_TOPIC)

    status, data = play(out, bundle, str(drive), *words)

    assert status == 0
    assert 'each equal to the offline one, byte for byte' in capsys.readouterr().out
    assert (data['sent'], data['damaged']) == (50, 2)
    assert data['masks_compared'] == data['masks'] > 40
    assert data['masks_different'] == 0
    assert set(data['crf_frames']) == {'ran', 'certain'}
    labels = read_digests(out, 'drive').values()
    assert any(after != before for after, before in labels)
    assert 0 < data['latency_ms']['p50'] <= data['latency_ms']['max']
    replayed = json.loads((out / 'replay.json').read_text(encoding='utf-8'))
    assert (replayed['frames'], replayed['failed_frames']) == (25, 1)
    assert data['offline']['mean_iou_of_all'] == replayed['scores']['mean_iou']
    if data['masks'] == data['sent']:
        assert data['offline']['mean_iou_of_processed'] == data['offline']['mean_iou_of_all']


@pytest.mark.slow
def test_a_drive_that_is_too_fast_loses_frames_and_none_of_its_masks_is_another_one(
    bundle: str, tmp_path: Path
) -> None:
    drive = write_drive(tmp_path / 'drive', 200)

    status, data = play(tmp_path / 'out', bundle, str(drive), '--live', '200')

    assert status == 0
    assert data['masks'] < data['sent'] == 200
    assert data['lost_on_the_way'] + sum(data['dropped'].values()) > 0
    assert data['masks_compared'] == data['masks'] > 0
    assert data['longest_time_without_mask_s'] >= 0.2


def test_time_may_jump_back_and_stand_still(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = write_drive(tmp_path / 'late', 10, start_ns=1_800_000_000 * 10**9)
    early = write_drive(tmp_path / 'early', 10)
    monkeypatch.setattr('seg_node.replay.live.performance.Crew', PausingCrew)
    out = tmp_path / 'out'

    status, data = play(out, bundle, str(late), str(early), '--live', '1')

    assert status == 0
    assert data['masks_compared'] == data['masks'] > 15
    told = [one for one in records(out) if one['topic'] == 'status']
    ages = [float(one['entries'][0]['values']['age_s']) for one in told]
    # At the jump itself a frame may still be at work, by the clock from before.
    assert sum(abs(age) > 0.5 for age in ages) <= 2
    arrivals = [one['received_ns'] for one in told]
    assert max(b - a for a, b in pairwise(arrivals)) > PAUSE_S * 1e9


PAUSE_S = 1.0


class PausingCrew(Crew):
    """Lets the player stand still for a while after its fifth image."""

    def events(self, patience: float) -> Iterator[Event]:
        """Yield events, and interrupt."""
        sent = 0
        for event in super().events(patience):
            sent += event.what == 'sent'
            if event.what == 'sent' and sent == 5:
                self.say('player', 'pause')
                Timer(PAUSE_S, self.say, ('player', 'resume')).start()
            yield event


def test_a_node_that_cannot_start_is_told_in_its_own_words(
    bundle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drive = write_drive(tmp_path / 'drive', 3)
    words = ['--engine', 'fake', '--precision', 'fp16', '--live', '1']  # which that has not
    words += ['--out', str(tmp_path / 'out')]

    assert main(['replay', str(drive), '--bundle', bundle, *words]) == 1

    told = capsys.readouterr().err
    assert "The node could not start: configure: Unknown precision of engine 'fake'" in told


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['--loops', '2'], 'add --live RATE'),
        (['--live', '1', '--temperature', '2'], 'leave --temperature and --follow out'),
    ],
)
def test_what_a_live_replay_cannot_do_is_refused(
    bundle: str, words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drive = write_drive(tmp_path / 'drive', 3)

    assert main(['replay', str(drive), '--bundle', bundle, '--out', str(tmp_path), *words]) == 1

    assert told in capsys.readouterr().err
