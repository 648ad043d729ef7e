# SPDX-License-Identifier: Apache-2.0
"""Images that become a recording, through the command line."""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from bags import read_bag
from seg_node.cli.main import main
from seg_node.datasets import open_dataset
from seg_node.datasets.procedural import Drive
from seg_node.taxonomy import load_taxonomy
from tiny import scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_rosbags

START = 1_700_000_000 * 10**9


def pixels(message: Any) -> Any:
    return message.data.reshape(message.height, message.width, -1).squeeze()


def write_images(folder: Path, count: int = 3) -> list[Any]:
    """Write images and label images, and return both."""
    made = [scene((20, 30), seed) for seed in range(count)]
    for name in ('images', 'truths'):
        (folder / name).mkdir(parents=True)
    for index, (image, ids) in enumerate(made):
        cv2.imwrite(str(folder / f'images/{index:03}.png'), image[..., ::-1])
        cv2.imwrite(str(folder / f'truths/{index:03}.png'), ids)
    return made


def make(*arguments: object) -> int:
    return main(['make-bag', *map(str, arguments)])


def test_folder_becomes_a_camera_with_regular_stamps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = write_images(tmp_path)
    out = tmp_path / 'bag'

    status = make(tmp_path / 'images', out, '--rate', 8, '--start', 12.5, '--frame-id', 'eye')

    assert status == 0
    assert f'{out}: 3 frames, /camera/image_raw\n' in capsys.readouterr().out
    found = read_bag(out)
    assert set(found) == {'/camera/image_raw', '/camera/camera_info'}
    for index, (time, message) in enumerate(found['/camera/image_raw']):
        assert time == 12_500_000_000 + index * 125_000_000
        assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == time
        assert (message.header.frame_id, message.encoding) == ('eye', 'rgb8')
        assert np.array_equal(pixels(message), made[index][0])
    for (time, image), (other, info) in zip(*found.values(), strict=True):
        assert time == other
        assert image.header == info.header
        assert (info.height, info.width) == (20, 30)


def test_labels_beside_a_folder_become_the_truth(tmp_path: Path) -> None:
    made = write_images(tmp_path)
    out = tmp_path / 'bag'

    assert not make(
        *(tmp_path / 'images', out, '--labels', tmp_path / 'truths'),
        *('--taxonomy', 'camvid11', '--topic', '/front/image_raw', '--storage', 'sqlite3'),
    )

    found = read_bag(out)
    truth = found['/front/segmentation/truth']
    assert len(truth) == 3
    for (time, message), (image_time, _), (_, ids) in zip(
        truth, found['/front/image_raw'], made, strict=True
    ):
        assert time == image_time
        assert message.encoding == 'mono8'
        assert np.array_equal(pixels(message), ids)
    ((_, names),) = found['/front/segmentation/truth/classes']
    assert json.loads(names.data) == load_taxonomy('camvid11').to_dict()


def test_truth_is_no_second_camera(tmp_path: Path) -> None:
    from seg_node.recordings.reader import camera_topic  # noqa: PLC0415  # not everywhere

    assert not make('procedural:1', tmp_path / 'bag')

    assert camera_topic(tmp_path / 'bag') == '/camera/image_raw'


def test_data_set_comes_with_its_truth_unless_told_otherwise(tmp_path: Path) -> None:
    sample = open_dataset('procedural:1@4', 'test')[0]

    assert not make('procedural:1@4', tmp_path / 'a', '--split', 'test', '--compressed', 'png')
    assert not make('procedural:1@4', tmp_path / 'b', '--no-truth')

    found = read_bag(tmp_path / 'a')
    ((_, coded),) = found['/camera/image_raw/compressed']
    assert coded.format == 'rgb8; png compressed bgr8'
    image = cv2.imdecode(coded.data, cv2.IMREAD_COLOR)
    assert image is not None
    assert np.array_equal(image[..., ::-1], sample.image)
    assert np.array_equal(pixels(found['/camera/segmentation/truth'][0][1]), sample.labels)
    assert set(read_bag(tmp_path / 'b')) == {'/camera/image_raw', '/camera/camera_info'}


def test_drive_moves_at_the_rate_of_the_recording(tmp_path: Path) -> None:
    drive = Drive(2, seed=3, size=(64, 96), rate=2.0)

    assert not make('drive:2@3', tmp_path / 'bag', '--size', '96x64', '--rate', 2)

    images = read_bag(tmp_path / 'bag')['/camera/image_raw']
    assert [time for time, _ in images] == [START, START + 500_000_000]
    for (_, message), index in zip(images, range(2), strict=True):
        assert np.array_equal(pixels(message), drive[index].image)


def write_video(file: Path, frames: int) -> Path:
    """Write 20 frames per second whose frame i is grey of level 10 i."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*'MJPG'), 20.0, (64, 48))
    for index in range(frames):
        writer.write(np.full((48, 64, 3), 10 * index, np.uint8))
    writer.release()
    return file


@pytest.mark.parametrize(
    ('rate', 'levels', 'step'),
    [
        ([], [0, 1, 2, 3, 4, 5], 50),
        (['--rate', 10], [0, 2, 4], 100),
        (['--rate', 90], range(6), 50),
    ],
)
def test_video_keeps_its_own_speed(
    tmp_path: Path, rate: list[object], levels: list[int], step: int
) -> None:
    file = write_video(tmp_path / 'drive.avi', 6)

    assert not make(file, tmp_path / 'bag', *rate)

    images = read_bag(tmp_path / 'bag')['/camera/image_raw']
    assert [round(message.data.mean() / 10) for _, message in images] == list(levels)
    assert [time for time, _ in images] == [START + i * step * 10**6 for i in range(len(images))]


@pytest.mark.parametrize(('labels', 'words'), [(2, 'more frames'), (5, 'fewer frames')])
def test_video_wants_a_label_file_for_each_frame(
    tmp_path: Path, labels: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_video(tmp_path / 'drive.avi', 3)
    (tmp_path / 'truths').mkdir()
    for index in range(labels):
        cv2.imwrite(str(tmp_path / f'truths/{index}.png'), np.zeros((48, 64), np.uint8))

    arguments = ('--labels', tmp_path / 'truths', '--taxonomy', 'camvid11')

    assert make(file, tmp_path / 'bag', *arguments) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / 'bag').exists()


def test_images_that_cannot_be_decoded_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path)
    (tmp_path / 'images/001.png').write_bytes(b'no image')

    assert not make(tmp_path / 'images', tmp_path / 'bag')

    assert 'left out, cannot be decoded: 001.png' in capsys.readouterr().err
    assert len(read_bag(tmp_path / 'bag')['/camera/image_raw']) == 2


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['procedural:1', 'OUT', '--labels', 'x'], 'has labels itself'),
        (['IMAGES', 'OUT', '--labels', 'TRUTHS'], 'Add --taxonomy'),
        (['IMAGES', 'OUT', '--topic', 'eye'], "'eye' is not possible"),
        (['IMAGES', 'OUT', '--distro', 'foxy'], "'foxy'"),
        (['IMAGES', 'IMAGES'], 'never overwritten'),
        (['EMPTY', 'OUT'], 'has no images'),
        (['IMAGES/000.png/x', 'OUT'], 'Unknown data set'),
        (['TEXT', 'OUT'], 'as a video'),
        (['drive:0', 'OUT'], 'of 0 frames'),
    ],
)
def test_what_is_not_possible_is_refused_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path)
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'text').write_text('no video', encoding='utf-8')
    before = sorted(tmp_path.rglob('*'))
    names = ('IMAGES', 'TRUTHS', 'EMPTY', 'TEXT', 'OUT')
    places = {name: str(tmp_path / name.lower()) for name in names}
    for name, place in places.items():
        arguments = [one.replace(name, place) for one in arguments]

    assert make(*arguments) == 1
    assert words in capsys.readouterr().err
    assert sorted(tmp_path.rglob('*')) == before


def test_labels_of_another_size_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path)
    cv2.imwrite(str(tmp_path / 'truths/002.png'), np.zeros((4, 4), np.uint8))

    status = make(
        *(tmp_path / 'images', tmp_path / 'bag', '--labels', tmp_path / 'truths'),
        *('--taxonomy', 'camvid11'),
    )

    assert status == 1
    assert 'are 4 x 4 (height x width) and their image 20 x 30' in capsys.readouterr().err
