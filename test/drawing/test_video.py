# SPDX-License-Identifier: Apache-2.0
"""Videos are read back before they count."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.drawing import video
from seg_node.drawing.video import readable, VideoFile, write_video
from seg_node.errors import VideoError

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

    with pytest.raises(VideoError, match='Install opencv-python-headless'):
        write_video(tmp_path / 'drive', pictures, 8.0, len(LEVELS))


def test_video_that_is_written_piece_by_piece_plays(tmp_path: Path) -> None:
    file = VideoFile(tmp_path / 'drive', next(pictures()), 8.0)
    for picture in pictures():
        file.write(picture)
    file.close()

    assert (file.codec, file.path.suffix) in video.CODECS
    assert readable(file.path) == len(LEVELS)
    assert list(tmp_path.iterdir()) == [file.path]


def test_codec_that_fails_in_a_trial_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, 'CODECS', (('ZZZZ', '.mp4'), ('mp4v', '.mp4'), ('MJPG', '.avi')))
    true = video.readable
    monkeypatch.setattr(video, 'readable', lambda f: true(f) if f.suffix == '.avi' else 0)

    file = VideoFile(tmp_path / 'drive', next(pictures()), 8.0)
    file.close()

    assert (file.path.name, file.codec) == ('drive.avi', 'MJPG')


def test_video_that_lost_pictures_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = VideoFile(tmp_path / 'drive', next(pictures()), 8.0)
    file.write(next(pictures()))
    monkeypatch.setattr(video, 'readable', lambda _: 0)

    with pytest.raises(VideoError, match=r'plays 0 of 1 pictures'):
        file.close()


def test_no_codec_at_all_is_an_error_before_the_first_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, 'CODECS', ())

    with pytest.raises(VideoError, match='Install opencv-python-headless'):
        VideoFile(tmp_path / 'drive', next(pictures()), 8.0)
