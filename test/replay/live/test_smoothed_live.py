# SPDX-License-Identifier: Apache-2.0
"""Live replays of a node that smooths: what the offline one has to know, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.drives import write_drive
from seg_node.cli.main import main
from seg_node.replay.live.frames import LiveFrame
from seg_node.replay.live.verify import write_decisions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_rosbags


def frame(index: int, digest: str | None, crf: str | None, repetition: int = 0) -> LiveFrame:
    """Return a frame that was played."""
    stamp = 10 + index
    return LiveFrame(0, repetition, index, stamp, stamp, stamp, 0.0, stamp, digest, crf, 'torch')


def test_frame_whose_status_alone_was_lost_counts_as_seen(tmp_path: Path) -> None:
    from seg_node.replay.follow import read_decisions  # noqa: PLC0415 - needs rosbags

    played = [frame(0, 'x', 'certain'), frame(1, 'x', None), frame(2, None, None)]
    played += [frame(0, 'x', None, 1), frame(1, 'x', 'ran', 1)]

    write_decisions(played, ['drive'], '/front/image', tmp_path / 'decisions.jsonl')

    decisions = read_decisions(tmp_path / 'decisions.jsonl')
    assert [decisions.knows('/front/image', 10 + index) for index in range(3)] == [
        *(True, True, False)
    ]
    assert decisions('/front/image', 10) == 'certain'
    assert decisions('/front/image', 11) == 'ran'


def test_smoothing_is_not_repeated_in_loops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr('seg_node.replay.live.run.require_ros', lambda: None)
    drive = write_drive(tmp_path / 'drive', 1)
    words = ['--smoothing', 'average', '--live', '1', '--loops', '2', '--out', str(tmp_path / 'x')]

    assert main(['replay', str(drive), *words]) == 1

    assert 'Leave out --loops or --smoothing' in capsys.readouterr().err
