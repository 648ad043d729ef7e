# SPDX-License-Identifier: Apache-2.0
"""Videos of drives."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from replay.labelled import CAMERA, SCENES, through_sink, write_drive
from seg_node.imaging import overlay
from seg_node.replay.options import ReplayOptions
from tiny import TAXONOMY

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
]

OPTIONS = ReplayOptions()


def play(file: Path) -> tuple[list[Any], float]:
    """Return the pictures of a video in RGB, and its rate [Hz]."""
    capture = cv2.VideoCapture(str(file))
    pictures: list[Any] = []
    while True:
        good, picture = capture.read()
        if not good:
            return pictures, capture.get(cv2.CAP_PROP_FPS)
        pictures.append(picture[..., ::-1])


def test_video_shows_every_frame_in_the_colours_of_its_classes(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive')

    results = through_sink('overlay', bag, tmp_path / 'out', OPTIONS)

    (file,) = (tmp_path / 'out' / 'overlay').iterdir()
    pictures, rate = play(file)
    assert file.name == 'drive.mp4'
    assert len(pictures) == len(results) == len(SCENES)
    assert rate == pytest.approx(10.0, rel=0.01)
    for picture, image, result in zip(pictures, SCENES, results, strict=True):
        wanted = overlay(image, result.labels, TAXONOMY, 0.55)
        large = picture[44:830, 28:1052]  # the large picture between its dark edges
        height, width = wanted.shape[:2]
        small = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - wanted).mean() < 12


def test_each_camera_has_a_video_of_its_own(tmp_path: Path) -> None:
    cameras = ('/left/image_raw', '/right/image_raw')
    bag = write_drive(tmp_path / 'drive', cameras=cameras)

    through_sink('overlay', bag, tmp_path / 'out', OPTIONS, cameras=cameras)

    found = {file.name: len(play(file)[0]) for file in (tmp_path / 'out' / 'overlay').iterdir()}
    assert found == {f'drive-{side}_image_raw.mp4': len(SCENES) for side in ('left', 'right')}


def test_video_of_an_interrupted_run_is_replaced(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive')
    (tmp_path / 'out' / 'overlay').mkdir(parents=True)
    (tmp_path / 'out' / 'overlay' / 'drive.mp4').write_bytes(b'half')

    through_sink('overlay', bag, tmp_path / 'out', OPTIONS, cameras=(CAMERA,))

    assert len(play(tmp_path / 'out' / 'overlay' / 'drive.mp4')[0]) == len(SCENES)
