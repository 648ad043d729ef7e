# SPDX-License-Identifier: Apache-2.0
"""Everything that can be played."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from bags import write_recording
from seg_node.datasets.procedural import Drive
from seg_node.demo.sources import open_source, procedural_source, thinned
from seg_node.errors import BagError, DemoError
from tiny import scene

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]


def write_video(path: Path, frames: int, rate: float) -> Path:
    """Write a video whose frame i is grey of level 10 i."""
    fourcc = cv2.VideoWriter.fourcc(*'MJPG')
    writer = cv2.VideoWriter(str(path), fourcc, rate, (64, 48))
    for index in range(frames):
        writer.write(np.full((48, 64, 3), 10 * index, np.uint8))
    writer.release()
    return path


def levels(frames: list[UInt8Array]) -> list[int]:
    return [round(float(frame.mean()) / 10) for frame in frames]


def test_procedural_source_is_the_drive_with_its_labels() -> None:
    drive = Drive(2, seed=5, size=(64, 96), rate=4.0)

    source = procedural_source(2, seed=5, size=(64, 96), rate=4.0)
    frames = list(source.frames)

    assert (source.kind, source.total, source.taxonomy) == ('procedural', 2, drive.taxonomy)
    assert 'seed 5' in source.words
    for frame, sample in zip(frames, (drive[0], drive[1]), strict=True):
        assert frame.labels is not None
        assert np.array_equal(frame.image, sample.image)
        assert np.array_equal(frame.labels, sample.labels)


def test_folder_gives_images_of_any_size_in_the_order_of_their_names(tmp_path: Path) -> None:
    sizes = {'b.png': (20, 30), 'a.bmp': (40, 10), 'c.PNG': (8, 8)}
    images = {name: scene(size, index)[0] for index, (name, size) in enumerate(sizes.items())}
    for name, image in images.items():
        cv2.imwrite(str(tmp_path / name), image[:, :, ::-1])
    (tmp_path / 'notes.txt').write_text('not an image', encoding='utf-8')

    source = open_source(tmp_path, rate=8.0)
    frames = list(source.frames)

    assert (source.kind, source.total, source.taxonomy) == ('folder', 3, None)
    for name, frame in zip(('a.bmp', 'b.png', 'c.PNG'), frames, strict=True):
        assert np.array_equal(frame.image, images[name])
        assert frame.labels is None


def test_folder_passes_over_broken_images_and_names_them(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(b'no image')
    cv2.imwrite(str(tmp_path / 'b.png'), scene()[0])

    source = open_source(tmp_path, rate=8.0)

    assert len(list(source.frames)) == 1
    assert source.skipped == ['a.png']


def test_video_passes_at_its_own_speed(tmp_path: Path) -> None:
    file = write_video(tmp_path / 'drive.avi', 20, rate=20.0)

    source = open_source(file, rate=5.0)
    found = levels([frame.image for frame in source.frames])

    assert source.kind == 'video'
    assert found == [0, 4, 8, 12, 16]
    assert source.total == 5


def test_video_slower_than_the_rate_is_played_whole(tmp_path: Path) -> None:
    file = write_video(tmp_path / 'drive.avi', 6, rate=5.0)

    found = levels([frame.image for frame in open_source(file, rate=8.0).frames])

    assert found == [0, 1, 2, 3, 4, 5]


@pytest.mark.needs_rosbags
def test_recording_passes_at_its_own_speed(tmp_path: Path) -> None:
    frames = [
        (10**18 + i * 10**8, np.full((8, 8, 3), 10 * i, np.uint8)) for i in range(10)
    ]  # 10 Hz
    bag = write_recording(tmp_path / 'bag', {'/eye': frames})

    source = open_source(bag, rate=5.0)
    found = levels([frame.image for frame in source.frames])

    assert (source.kind, source.words) == ('recording', 'recording bag, /eye')
    assert found == [0, 2, 4, 6, 8]


@pytest.mark.needs_rosbags
def test_recording_with_two_cameras_wants_a_topic(tmp_path: Path) -> None:
    two = {name: [(10**18, scene()[0])] for name in ('/left', '/right')}
    bag = write_recording(tmp_path / 'bag', two)

    with pytest.raises(BagError, match='/left, /right'):
        open_source(bag, rate=5.0)
    assert len(list(open_source(bag, rate=5.0, topic='/left').frames)) == 1


def test_recording_without_rosbags_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'metadata.yaml').touch()
    monkeypatch.setitem(sys.modules, 'rosbags', None)
    monkeypatch.setitem(sys.modules, 'rosbags.typesys', None)
    monkeypatch.delitem(sys.modules, 'seg_node.recordings.reader', raising=False)

    with pytest.raises(DemoError, match=r'needs .*rosbags.* to be read: pip install rosbags'):
        open_source(tmp_path, rate=8.0)


def test_missing_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r'There is no input .*nowhere.*expected a video file'):
        open_source(tmp_path / 'nowhere', rate=8.0)


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r'has no images \(.*\.png'):
        open_source(tmp_path, rate=8.0)


def test_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    file = tmp_path / 'drive.mp4'
    file.write_bytes(b'no video')

    with pytest.raises(DemoError, match=r'OpenCV cannot read .*drive\.mp4.* as a video'):
        open_source(file, rate=8.0)


@pytest.mark.parametrize(
    ('rate', 'expected'),
    [(100.0, [0, 1, 2, 3, 4, 5]), (5.0, [0, 2, 4]), (1.0, [0]), (4.0, [0, 3, 5])],
)
def test_thinned_keeps_what_is_due(rate: float, expected: list[int]) -> None:
    stamped = [(0.1 * i, np.full((1, 1, 3), 10 * i, np.uint8)) for i in range(6)]

    found = levels([frame.image for frame in thinned(stamped, rate)])

    assert found == expected


def test_thinned_goes_on_when_time_jumps_back() -> None:
    times = [5.0, 5.1, 1.0, 1.1, 1.2, 1.3]
    stamped = [(t, np.full((1, 1, 3), 10 * i, np.uint8)) for i, t in enumerate(times)]

    found = levels([frame.image for frame in thinned(stamped, 5.0)])

    assert found == [0, 2, 4]
