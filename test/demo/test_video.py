# SPDX-License-Identifier: Apache-2.0
"""Videos are read back before they count."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from demo.runs import write_run
from seg_node.demo import video
from seg_node.demo.record import read_record
from seg_node.demo.video import readable, write_video
from seg_node.demo.video_page import VideoPage
from seg_node.errors import DemoError
from tiny import TAXONOMY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

LEVELS = (0, 100, 200)


def pictures() -> Iterator[npt.NDArray[np.uint8]]:
    """Red of rising strength, so that a swap of channels shows."""
    for level in LEVELS:
        yield np.full((48, 64, 3), (level, 0, 0), np.uint8)


def test_written_video_plays_with_its_colours(tmp_path: Path) -> None:
    file, codec = write_video(tmp_path / 'drive', pictures, 8.0, len(LEVELS))

    capture = cv2.VideoCapture(str(file))
    frames: list[Any] = [capture.read()[1] for _ in LEVELS]
    assert (codec, file.suffix) in video.CODECS
    assert readable(file) == len(LEVELS)
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(8.0)
    for level, frame in zip(LEVELS, frames, strict=True):
        assert frame[..., 2].mean() == pytest.approx(level, abs=12)  # BGR
        assert frame[..., 0].mean() < 12


def test_codec_that_is_not_there_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(video, 'CODECS', (('ZZZZ', '.mp4'), ('MJPG', '.avi')))

    file, codec = write_video(tmp_path / 'drive', pictures, 8.0, len(LEVELS))

    assert (file.name, codec) == ('drive.avi', 'MJPG')
    assert sorted(one.name for one in tmp_path.iterdir()) == ['drive.avi']
    printed = capfd.readouterr().err.splitlines()
    assert sum('3/3' in line for line in printed) == 1
    assert all('writing the video' in line for line in printed)


def test_codec_whose_file_does_not_play_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, 'CODECS', (('mp4v', '.mp4'), ('MJPG', '.avi')))
    monkeypatch.setattr(video, 'readable', lambda file: 3 if file.suffix == '.avi' else 2)

    file, _ = write_video(tmp_path / 'drive', pictures, 8.0, len(LEVELS))

    assert file.name == 'drive.avi'
    assert not (tmp_path / 'drive.mp4').exists()


def test_no_codec_at_all_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, 'CODECS', ())

    with pytest.raises(DemoError, match='Install opencv-python-headless'):
        write_video(tmp_path / 'drive', pictures, 8.0, len(LEVELS))


def test_video_page_has_one_even_size_and_tells_of_lost_frames(tmp_path: Path) -> None:
    reel, performance = write_run(tmp_path, 3, lost=(1,))
    record = read_record(tmp_path / 'record', reel, performance)
    page = VideoPage(TAXONOMY, 36 / 64, 'a title', 8.0)

    frames = list(page.frames(record.moments))

    sizes = {frame.shape for frame in frames}
    assert len(frames) == 3
    assert len(sizes) == 1
    height, width, _ = sizes.pop()
    assert height % 2 == width % 2 == 0
    tiles = [frame[-150:-60] for frame in frames]  # only a frame with a mask has all of them
    assert tiles[0].mean() > tiles[1].mean()
