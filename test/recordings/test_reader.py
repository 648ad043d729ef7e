# SPDX-License-Identifier: Apache-2.0
"""Frames of recordings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from bags import header_of, RAW, raw, write_recording
from seg_node.errors import BagError, ImageError
from seg_node.imaging import rgb_pixels
from seg_node.imaging.encodings import ENCODINGS
from tiny import scene

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    import numpy.typing as npt

pytestmark = pytest.mark.needs_rosbags

IMAGES = [scene((20, 30), seed)[0] for seed in range(3)]
STAMPED = [(10**18 + index * 10**8, image) for index, image in enumerate(IMAGES)]


@pytest.fixture
def bag() -> ModuleType:
    """The module under test; it needs rosbags."""
    from seg_node.recordings import reader as bag  # noqa: PLC0415

    return bag


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('topic', ['/front/image', '/front/image/compressed'])
def test_frames_give_back_what_was_recorded(
    bag: ModuleType, tmp_path: Path, storage: str, topic: str
) -> None:
    recording = write_recording(tmp_path / 'bag', {topic: STAMPED}, storage=storage)

    found = list(bag.frames(recording))

    assert [stamp for stamp, _ in found] == [stamp for stamp, _ in STAMPED]
    for (_, got), (_, expected) in zip(found, STAMPED, strict=True):
        assert np.array_equal(got, expected)


def test_frames_read_a_single_file_of_a_recording(bag: ModuleType, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / 'bag', {'/image': STAMPED})

    found = list(bag.frames(next(recording.glob('*.mcap'))))

    assert len(found) == len(STAMPED)


def test_frames_take_the_time_of_the_recording_where_the_header_has_none(
    bag: ModuleType, tmp_path: Path
) -> None:
    recording = write_recording(tmp_path / 'bag', {'/image': [(0, IMAGES[0])]})

    stamps = [stamp for stamp, _ in bag.frames(recording)]

    assert stamps == [5_000_000]


def test_camera_is_chosen_among_its_own_compressed_topic_and_our_outputs(
    bag: ModuleType, tmp_path: Path
) -> None:
    topics = ('/eye', '/eye/compressed', '/segmentation/overlay', '/eye/compressedDepth')
    recording = write_recording(tmp_path / 'bag', dict.fromkeys(topics, STAMPED[:1]))

    assert bag.camera_topic(recording) == '/eye'


def test_camera_must_be_named_when_there_are_several(bag: ModuleType, tmp_path: Path) -> None:
    two = {'/left/image': STAMPED[:1], '/right/image': STAMPED[1:]}
    recording = write_recording(tmp_path / 'bag', two)

    with pytest.raises(BagError, match=r'has 2 camera topics.*: /left/image, /right/image'):
        next(bag.frames(recording))
    assert len(list(bag.frames(recording, '/right/image'))) == 2


def test_unknown_topic_is_refused_with_the_known_ones(bag: ModuleType, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / 'bag', {'/image': STAMPED})

    with pytest.raises(BagError, match=r"no image topic '/ear'.*: /image"):
        next(bag.frames(recording, '/ear'))


def test_recording_without_images_is_refused(bag: ModuleType, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / 'bag', {'/image': []})

    with pytest.raises(BagError, match=r'0 camera topics.*: none'):
        next(bag.frames(recording))


def test_recording_that_is_not_there_is_told_to_be_missing(
    bag: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(BagError, match=r"^There is no recording '.*drive'\. Is its path misspelt"):
        next(bag.frames(tmp_path / 'drive'))


@pytest.mark.parametrize('content', [b'', b'no recording at all'])
def test_what_is_no_recording_is_refused_by_name(
    bag: ModuleType, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / 'drive.mcap'
    path.write_bytes(content)

    with pytest.raises(
        BagError, match=r'drive\.mcap.* cannot be read: .*[^.]\. Expected a rosbag2'
    ):
        next(bag.frames(path))


def test_frame_that_cannot_be_decoded_is_named(bag: ModuleType, tmp_path: Path) -> None:
    frames = {'/image': [(7, IMAGES[0])]}
    recording = write_recording(tmp_path / 'bag', frames, encoding='klingon8')

    with pytest.raises(ImageError, match=r"Frame of '/image' with stamp 7 ns: .*klingon8"):
        next(bag.frames(recording))


def test_frames_of_rosbag1_are_read(bag: ModuleType, tmp_path: Path) -> None:
    from rosbags.rosbag1 import Writer  # noqa: PLC0415
    from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415

    store = get_typestore(Stores.ROS1_NOETIC)
    header = store.types['std_msgs/msg/Header']
    time = store.types['builtin_interfaces/msg/Time']
    with Writer(tmp_path / 'drive.bag') as writer:
        connection = writer.add_connection('/eye', RAW, typestore=store)
        for index, (stamp, image) in enumerate(STAMPED):
            stamped = header(index, time(stamp // 10**9, stamp % 10**9), 'camera')
            message = store.types[RAW](stamped, *raw(image, 'rgb8'))
            writer.write(connection, stamp, store.serialize_ros1(message, RAW))

    found = list(bag.frames(tmp_path / 'drive.bag'))

    assert [stamp for stamp, _ in found] == [stamp for stamp, _ in STAMPED]
    assert all(
        np.array_equal(got, image) for (_, got), (_, image) in zip(found, STAMPED, strict=True)
    )


@pytest.mark.parametrize('encoding', sorted(ENCODINGS))
def test_frames_of_all_encodings_are_those_that_the_node_decodes(
    bag: ModuleType, tmp_path: Path, encoding: str
) -> None:
    kind = ENCODINGS[encoding]
    numerator, denominator = kind.rows
    shape = (8 * numerator // denominator, 8 * kind.channels)
    values = np.random.default_rng(0).random(shape)
    if kind.kind != 'f4':
        values *= np.iinfo(kind.kind).max
    recording = write_messages(tmp_path / 'bag', encoding, values.astype(kind.kind))

    ((_, found),) = bag.frames(recording)

    message = SimpleNamespace(
        height=8,
        width=8,
        encoding=encoding,
        is_bigendian=0,
        step=values.shape[1] * np.dtype(kind.kind).itemsize,
        data=values.astype(kind.kind).tobytes(),
    )
    assert np.array_equal(found, rgb_pixels(message))


def write_messages(folder: Path, encoding: str, values: npt.NDArray[Any]) -> Path:
    """Write a bag with one image of 8 x 8 pixels."""
    from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: PLC0415
    from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415

    store = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection('/eye', RAW, typestore=store)
        data = np.frombuffer(values.tobytes(), np.uint8)
        fields = (8, 8, encoding, 0, len(data) // len(values), data)
        message = store.types[RAW](header_of(store.types, 7), *fields)
        writer.write(connection, 7, store.serialize_cdr(message, RAW))
    return folder


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_damage_anywhere_is_a_bag_error_or_an_image_error(
    bag: ModuleType, tmp_path: Path, storage: str
) -> None:
    """One changed byte at a time, in and around the first message and all over the file."""
    recording = write_recording(
        tmp_path / 'bag', {'/image': [(7, IMAGES[0][:2, :2])]}, storage=storage
    )
    path = next(recording.glob('*.[md][cb]*'))
    whole = path.read_bytes()
    message = whole.find(b'camera')
    errors = set()
    for position in [
        *range(message - 40, message + 60, 4),
        *range(0, len(whole), len(whole) // 20),
    ]:
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            list(bag.frames(recording))
        except (BagError, ImageError) as err:
            errors.add(type(err))

    assert errors == {BagError, ImageError}
