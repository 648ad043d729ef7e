# SPDX-License-Identifier: Apache-2.0
"""Damaged messages beside the camera: they are told, and the replay goes on without them."""

from __future__ import annotations

from contextlib import closing
import sqlite3
from typing import Any, TYPE_CHECKING

import pytest

from bags import read_bag
from replay.labelled import SCENES, write_drive
from seg_node.replay.options import ReplayOptions
from seg_node.replay.outputs import BagOutputs
from tiny import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    # what is raised where a generator is thrown away reaches nobody else
    pytest.mark.filterwarnings('error::pytest.PytestUnraisableExceptionWarning'),
]

INFO = '/front/camera_info'
ZSTD_AND_NONSENSE = b'\x28\xb5\x2f\xfd' + b'nonsense'


def damage(bag: Path, topic: str, place: int, content: bytes) -> None:
    """Replace a message of a topic."""
    with closing(sqlite3.connect(next(bag.glob('*.db3')))) as base, base:
        rows = base.execute(
            'SELECT messages.id FROM messages JOIN topics ON topics.id = topic_id '
            'WHERE name = ? ORDER BY timestamp',
            (topic,),
        ).fetchall()
        base.execute('UPDATE messages SET data = ? WHERE id = ?', (content, *rows[place]))


def replayed(bag: Path, tmp_path: Path, wishes: BagOutputs) -> tuple[list[str], dict[str, Any]]:
    """Replay into a labelled bag; return the damage and what the bag holds."""
    from seg_node.replay.run import replay  # noqa: PLC0415  # needs rosbags

    bundle = str(tiny_bundle(tmp_path / 'bundle').path)
    options = ReplayOptions(bundle, sinks=('labelled',), labelled=wishes)
    data = replay([bag], tmp_path / 'out', options).data
    assert data['frames'] == len(SCENES)
    return data['bags'][0]['damage'], read_bag(tmp_path / 'out' / 'labelled' / bag.name)


@pytest.mark.parametrize(('place', 'focal'), [(0, [2.0, 2.0, 2.0]), (1, [1.0, 1.0, 1.0])])
def test_damaged_camera_info_leaves_the_other(
    tmp_path: Path, place: int, focal: list[float]
) -> None:
    bag = write_drive(tmp_path / 'drive', infos=((0, 1.0), (1, 2.0)), storage='sqlite3')
    damage(bag, INFO, place, b'\0\1\0\0')

    told, found = replayed(bag, tmp_path, BagOutputs(('camera_info',)))

    assert [one.k[0] for _, one in found['/front/segmentation/camera_info']] == focal
    assert len(told) == 1
    assert f"Message of '{INFO}'" in told[0]


def test_damaged_message_is_not_copied(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive', more=True, storage='sqlite3')
    damage(bag, '/chatter', 1, ZSTD_AND_NONSENSE)

    told, found = replayed(bag, tmp_path, BagOutputs(('mask',), with_inputs=True))

    assert [one.data for _, one in found['/chatter']] == ['after 0', 'after 2']
    assert len(told) == 1
    assert "Message of '/chatter'" in told[0]
    assert told[0].endswith('It was not copied.')


def test_what_comes_after_the_last_frame_is_copied_from_a_whole_database(tmp_path: Path) -> None:
    """SQLite serves the thread alone that opened it; another one took that for damage."""
    infos = tuple((index, 1.0) for index in range(len(SCENES)))
    bag = write_drive(tmp_path / 'drive', infos=infos, more=True, storage='sqlite3')

    told, found = replayed(bag, tmp_path, BagOutputs(with_inputs=True))

    assert told == []
    assert [one.data for _, one in found['/chatter']] == ['after 0', 'after 1', 'after 2']
