# SPDX-License-Identifier: Apache-2.0
"""Decisions about the CRF that are repeated."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import pytest

from bags import header_of
from replay.records import record
from seg_node.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.needs_rosbags

STATUS = 'diagnostic_msgs/msg/DiagnosticArray'
Told = tuple[str, int, dict[str, str]]


def write_status(folder: Path, told: Sequence[Told]) -> Path:
    """Write a bag with what nodes publish about their frames.

    Args:
        folder: Must not exist.
        told: Topic, stamp [ns] and values.
    """
    from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: PLC0415
    from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415

    store = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        topics = {
            topic: writer.add_connection(topic, STATUS, typestore=store)
            for topic in sorted({topic for topic, _, _ in told})
        }
        for topic, stamp, values in told:
            message = status(store.types, stamp, values)
            writer.write(topics[topic], stamp, store.serialize_cdr(message, STATUS))
    return folder


def status(types: Any, stamp: int, values: dict[str, str]) -> Any:
    pairs = [types['diagnostic_msgs/msg/KeyValue'](key, one) for key, one in values.items()]
    one = types['diagnostic_msgs/msg/DiagnosticStatus'](0, 'seg_node: frame', '', '', pairs)
    return types[STATUS](header_of(types, stamp), [one])


def test_decisions_of_nodes_are_those_of_their_cameras(tmp_path: Path) -> None:
    from seg_node.replay.follow import read_decisions  # noqa: PLC0415 - needs rosbags

    left, right = '/left/segmentation/status', '/right/segmentation/status'
    bag = write_status(
        tmp_path / 'bag',
        [
            (left, 5, {'engine': 'onnxruntime', 'crf': 'ran'}),
            (right, 5, {'crf': 'certain'}),
            (left, 6, {'crf': 'no_time'}),
        ],
    )

    decisions = read_decisions(bag)

    assert decisions('/left/image', 5) == 'ran'
    assert decisions('/left/image/compressed', 6) == 'no_time'
    assert decisions('/right/image', 5) == 'certain'
    assert decisions('/right/image', 6) == 'off'  # the node did not see that frame


def test_name_of_the_only_camera_does_not_matter(tmp_path: Path) -> None:
    from seg_node.replay.follow import read_decisions  # noqa: PLC0415 - needs rosbags

    bag = write_status(tmp_path / 'bag', [('/segmentation/status', 5, {'crf': 'ran'})])

    assert read_decisions(bag)('/some/other/image', 5) == 'ran'


def test_decisions_of_an_earlier_replay_are_read(tmp_path: Path) -> None:
    from seg_node.replay.follow import read_decisions  # noqa: PLC0415 - needs rosbags

    lines = [record(0, crf='ran'), record(1, crf='certain'), record(2, error='is damaged')]
    file = tmp_path / 'frames.jsonl'
    file.write_text('\n'.join(one.to_json() for one in lines) + '\n', encoding='utf-8')

    decisions = read_decisions(file)

    assert [decisions('/camera/image', one.stamp_ns) for one in lines] == ['ran', 'certain', 'off']


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('{"bag":', 'cannot be read.*Expected frames.jsonl'),
        ('', 'holds no decisions'),
        (record(crf='perhaps').to_json(), "says 'perhaps' of a frame"),
    ],
)
def test_what_holds_no_decisions_is_refused(tmp_path: Path, text: str, words: str) -> None:
    from seg_node.replay.follow import read_decisions  # noqa: PLC0415 - needs rosbags

    file = tmp_path / 'frames.jsonl'
    file.write_text(text, encoding='utf-8')

    with pytest.raises(ParameterError, match=words):
        read_decisions(file)
