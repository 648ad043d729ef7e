# SPDX-License-Identifier: Apache-2.0
"""Frames of the video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.runs import write_run
from seg_node.demo.record import read_record
from seg_node.demo.video import TILES, video_frames
from seg_node.drawing import VideoPage
from tiny import TAXONOMY

if TYPE_CHECKING:
    from pathlib import Path


def test_video_page_has_one_even_size_and_tells_of_lost_frames(tmp_path: Path) -> None:
    reel, performance = write_run(tmp_path, 3, lost=(1,))
    record = read_record(tmp_path / 'record', reel, performance)
    page = VideoPage(TAXONOMY, 36 / 64, 'a title', TILES)

    frames = list(video_frames(page, record.moments, 8.0))

    sizes = {frame.shape for frame in frames}
    assert len(frames) == 3
    assert len(sizes) == 1
    height, width, _ = sizes.pop()
    assert height % 2 == width % 2 == 0
    tiles = [frame[-150:-60] for frame in frames]  # only a frame with a mask has all of them
    assert tiles[0].mean() > tiles[1].mean()
