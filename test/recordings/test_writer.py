# SPDX-License-Identifier: Apache-2.0
"""Recordings that rosbag2 reads."""

from __future__ import annotations

import sqlite3
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest
import yaml

from seg_node.errors import BagError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_rosbags

STAMP = 1_700_000_000_123_456_789
PIXELS = np.arange(6, dtype=np.uint8).reshape(2, 3)
# Made by rosidl from vision_msgs 4.1.1.
LABEL_INFO_HASH = 'RIHS01_3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783'
IMAGE = 'sensor_msgs/msg/Image'
# Of rmw/types.h, which metadata up to version 8 are written in.
KEEP_LAST, RELIABLE, BEST_EFFORT, TRANSIENT_LOCAL, VOLATILE = 1, 1, 2, 1, 2


def write(folder: Path, **layout: Any) -> Path:
    """Write two images and a latched text."""
    from seg_node.recordings import messages, writer  # noqa: PLC0415  # not everywhere

    with writer.BagWriter(folder, writer.BagFormat(**layout)) as bag:
        image = bag.add('/eye', IMAGE, [writer.quality_of_service(reliable=False)])
        text = bag.add(
            '/names', 'std_msgs/msg/String', [writer.quality_of_service(depth=3, latched=True)]
        )
        bag.write(text, STAMP, messages.string_message(bag.types, 'lava'))
        for index in range(2):
            header = messages.header_message(bag.types, STAMP + index, 'front')
            bag.write(image, STAMP + index, messages.image_message(bag.types, header, PIXELS))
    return folder


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('distro', ['humble', 'jazzy', 'lyrical'])
@pytest.mark.parametrize('zstd', [False, True])
def test_messages_come_back(tmp_path: Path, storage: str, distro: str, *, zstd: bool) -> None:
    from rosbags.highlevel import AnyReader  # noqa: PLC0415  # not everywhere
    from rosbags.interfaces import QosDurability, QosReliability  # noqa: PLC0415

    folder = write(tmp_path / 'bag', storage=storage, distro=distro, zstd=zstd)

    with AnyReader([folder]) as reader:  # no types of its own: definitions must be in the bag
        found = [
            (c.topic, t, reader.deserialize(raw, c.msgtype)) for c, t, raw in reader.messages()
        ]
        profiles: dict[str, Any] = {c.topic: c.ext for c in reader.connections}
    images: list[tuple[int, Any]] = [one[1:] for one in found if one[0] == '/eye']
    assert [time for time, _ in images] == [STAMP, STAMP + 1]
    for time, message in images:
        assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == time
        assert (message.header.frame_id, message.encoding, message.step) == ('front', 'mono8', 3)
        assert np.array_equal(message.data.reshape(2, 3), PIXELS)
    (eye,) = profiles['/eye'].offered_qos_profiles
    (names,) = profiles['/names'].offered_qos_profiles
    assert (eye.reliability, eye.durability) == (
        QosReliability.BEST_EFFORT,
        QosDurability.VOLATILE,
    )
    assert (names.depth, names.durability) == (3, QosDurability.TRANSIENT_LOCAL)


def metadata(folder: Path) -> dict[str, Any]:
    """Return metadata.yaml as rosbag2 does."""
    text = (folder / 'metadata.yaml').read_text(encoding='utf-8')
    found: dict[str, Any] = yaml.safe_load(text)['rosbag2_bagfile_information']
    return found


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_metadata_for_humble_are_those_of_version_5(tmp_path: Path, storage: str) -> None:
    """As metadata_io.cpp of Humble decodes them: qualities of service are one string of YAML."""
    found = metadata(write(tmp_path / 'bag', storage=storage, distro='humble'))

    assert found['version'] == 5
    assert set(found) == {
        *('version', 'storage_identifier', 'duration', 'starting_time', 'message_count'),
        *('topics_with_message_count', 'compression_format', 'compression_mode'),
        *('relative_file_paths', 'files'),
    }
    assert found['storage_identifier'] == storage
    assert found['starting_time'] == {'nanoseconds_since_epoch': STAMP}
    assert found['duration'] == {'nanoseconds': 1}
    assert [one['path'] for one in found['files']] == found['relative_file_paths']
    assert (tmp_path / 'bag' / found['relative_file_paths'][0]).is_file()
    topics = {one['topic_metadata']['name']: one for one in found['topics_with_message_count']}
    assert {name: one['message_count'] for name, one in topics.items()} == {'/eye': 2, '/names': 1}
    about = topics['/names']['topic_metadata']
    assert set(about) == {'name', 'type', 'serialization_format', 'offered_qos_profiles'}
    assert isinstance(about['offered_qos_profiles'], str)
    (quality,) = yaml.safe_load(about['offered_qos_profiles'])
    assert (quality['history'], quality['depth']) == (KEEP_LAST, 3)
    assert (quality['reliability'], quality['durability']) == (RELIABLE, TRANSIENT_LOCAL)
    (quality,) = yaml.safe_load(topics['/eye']['topic_metadata']['offered_qos_profiles'])
    assert (quality['reliability'], quality['durability']) == (BEST_EFFORT, VOLATILE)


def test_metadata_for_jazzy_are_those_of_version_9(tmp_path: Path) -> None:
    found = metadata(write(tmp_path / 'bag', distro='jazzy'))

    assert found['version'] == 9
    topics = {one['topic_metadata']['name']: one for one in found['topics_with_message_count']}
    (quality,) = topics['/names']['topic_metadata']['offered_qos_profiles']
    assert (quality['history'], quality['durability']) == ('keep_last', 'transient_local')
    assert topics['/eye']['topic_metadata']['type_description_hash'].startswith('RIHS01_')


def test_sqlite_holds_the_definitions_of_all_its_types(tmp_path: Path) -> None:
    folder = write(tmp_path / 'bag', storage='sqlite3')

    with sqlite3.connect(folder / 'bag.db3') as base:
        found = dict(
            base.execute('SELECT topic_type, encoded_message_definition FROM message_definitions')
        )
    assert set(found) == {IMAGE, 'std_msgs/msg/String'}
    assert 'MSG: std_msgs/Header' in found[IMAGE]
    assert 'uint32 step' in found[IMAGE]


def test_label_info_has_the_hash_of_the_real_message() -> None:
    from seg_node.recordings.writer import typestore  # noqa: PLC0415  # not everywhere

    assert typestore('humble').hash_rihs01('vision_msgs/msg/LabelInfo') == LABEL_INFO_HASH


def test_what_exists_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / 'bag').mkdir()
    (tmp_path / 'bag' / 'precious').touch()

    with pytest.raises(BagError, match='already, and recordings are never overwritten'):
        write(tmp_path / 'bag')
    assert (tmp_path / 'bag' / 'precious').exists()


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_nothing_is_left_after_an_error(tmp_path: Path, storage: str) -> None:
    from seg_node.recordings.writer import BagFormat, BagWriter  # noqa: PLC0415

    def fail() -> None:
        with BagWriter(tmp_path / 'bag', BagFormat(storage)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()

    with pytest.raises(BagError, match=r'cannot be written: .*Free space or give another'):
        write(tmp_path / 'file' / 'bag')


@pytest.mark.parametrize(
    ('layout', 'words'),
    [({'storage': 'tape'}, "Unknown storage 'tape'"), ({'distro': 'foxy'}, "'foxy'")],
)
def test_unknown_forms_are_refused(layout: dict[str, Any], words: str) -> None:
    from seg_node.recordings.writer import BagFormat  # noqa: PLC0415

    with pytest.raises(BagError, match=words):
        BagFormat(**layout)
