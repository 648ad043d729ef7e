# SPDX-License-Identifier: Apache-2.0
"""CamVid as a recorded drive: offline, live and on a Ray cluster the counts are the same."""

from __future__ import annotations

import json
import os
from typing import Any, TYPE_CHECKING

import pytest

from replay.drives import TRUTH_TOPIC
from seg_node.cli.main import main
from seg_node.replay.record import FrameRecord

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_camvid,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_ray,
    pytest.mark.needs_ros,
    pytest.mark.needs_rosbags,
    # Ray leaves sockets and files of its processes to the garbage collector
    pytest.mark.filterwarnings('ignore::ResourceWarning'),
    pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning'),
    pytest.mark.filterwarnings('ignore::FutureWarning'),
    pytest.mark.filterwarnings('ignore::DeprecationWarning'),
]

FRAMES = 101
# Nearly every frame is refined, so that the CRF has its part in the counts.
CRF = ('--crf', 'auto', '--crf-min-uncertain-fraction', '0.01')


def replayed(drive: Path, out: Path, *words: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Replay; return what replay.json says, and the frames without their times."""
    truth = ('--truth-topic', TRUTH_TOPIC, '--no-flicker')
    assert main(['replay', str(drive), *truth, *CRF, *words, '--out', str(out)]) == 0
    lines = (out / 'frames.jsonl').read_text(encoding='utf-8').splitlines()
    data = json.loads((out / 'replay.json').read_text(encoding='utf-8'))
    return data, [FrameRecord.from_json(line).timeless() for line in lines]


def test_offline_live_and_cluster_agree_on_every_count(tmp_path: Path) -> None:
    drive = tmp_path / 'val'
    source = f'camvid:{os.environ["SEG_NODE_CAMVID"]}'
    assert main(['make-bag', source, str(drive), '--rate', '1']) == 0

    offline, frames = replayed(drive, tmp_path / 'offline')
    live, live_frames = replayed(drive, tmp_path / 'live', '--live', '0.5')
    ray, ray_frames = replayed(drive, tmp_path / 'ray', '--ray', 'local', '--workers', '2')

    assert len(frames) == FRAMES
    assert offline['crf']['frames']['ran'] > FRAMES // 2
    assert offline['sums'] == live['sums'] == ray['sums']
    assert frames == live_frames == ray_frames
    played = json.loads((tmp_path / 'live' / 'live.json').read_text(encoding='utf-8'))
    assert played['masks'] == played['masks_compared'] == FRAMES
    assert played['masks_different'] == 0
    assert played['offline']['mean_iou_of_processed'] == played['offline']['mean_iou_of_all']
