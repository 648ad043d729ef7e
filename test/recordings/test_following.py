# SPDX-License-Identifier: Apache-2.0
"""Topics that are followed or copied beside a camera."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import pytest

from bags import read_bag
from replay.labelled import CAMERA, SCENES, STAMPS, write_drive

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_rosbags

LATER_NS = 5_000_000


def copy(bag: Path, out: Path, known: tuple[str, ...] = ()) -> dict[str, list[tuple[int, Any]]]:
    """Copy a recording in two steps, and return what arrived."""
    from seg_node.recordings.following import Copier  # noqa: PLC0415  # needs rosbags
    from seg_node.recordings.reader import Recording  # noqa: PLC0415
    from seg_node.recordings.writer import BagFormat, BagWriter  # noqa: PLC0415

    with BagWriter(out, BagFormat()) as writer:
        copier = Copier(Recording(bag), writer, known)
        copier.until(STAMPS[0] + LATER_NS)
        copier.until()
    return read_bag(out)


def test_messages_come_when_their_time_has_come_and_only_once(tmp_path: Path) -> None:
    from seg_node.recordings.following import Follower  # noqa: PLC0415  # needs rosbags
    from seg_node.recordings.reader import Recording  # noqa: PLC0415

    recording = Recording(write_drive(tmp_path / 'drive'))
    follower = Follower(recording, [CAMERA])

    def times(until: int) -> list[int]:
        return [one.log_ns for one in follower.until(until)]

    assert times(STAMPS[0]) == []
    ahead = follower.ahead()
    assert ahead is not None
    assert ahead.log_ns == STAMPS[0] + LATER_NS
    assert times(STAMPS[1] + LATER_NS) == [STAMPS[0] + LATER_NS, STAMPS[1] + LATER_NS]
    assert times(STAMPS[1] + LATER_NS) == []
    assert times(STAMPS[2] + LATER_NS) == [STAMPS[2] + LATER_NS]
    assert follower.ahead() is None


def test_recording_is_copied_in_steps_without_loss(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive', more=True)

    found = copy(bag, tmp_path / 'copy')

    assert {topic: len(found[topic]) for topic in found} == {CAMERA: 3, '/chatter': 3}
    assert [message.data for _, message in found['/chatter']] == ['after 0', 'after 1', 'after 2']


def test_topics_that_are_there_already_are_left_out(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive', more=True)

    assert set(copy(bag, tmp_path / 'copy', (CAMERA,))) == {'/chatter'}


def test_damaged_recording_is_copied_as_far_as_it_goes(tmp_path: Path) -> None:
    cameras = [f'/camera{index}' for index in range(40)]  # 4 MB, which are several chunks of mcap
    file = next(write_drive(tmp_path / 'drive', cameras=cameras).glob('*.mcap'))
    whole = file.read_bytes()
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes(whole[: len(whole) * 2 // 3])

    found = copy(cut, tmp_path / 'copy')

    every = [(time, message) for messages in found.values() for time, message in messages]
    assert 40 < len(every) < 120
    for time, message in every:
        assert bytes(message.data) == SCENES[STAMPS.index(time - LATER_NS)].tobytes()
