# SPDX-License-Identifier: Apache-2.0
"""A recording played as a camera, as a process of its own, heard over real DDS."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any, TYPE_CHECKING

import pytest

from bags import write_recording, WRITTEN_LATER_NS
from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ros.child import Child, Friend

    Start = Callable[..., Child]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_rosbags]

BEGIN = 1_700_000_000 * 10**9
STEP = 100_000_000
IMAGES = [scene((20, 30), seed)[0] for seed in range(4)]
STAMPED = [(BEGIN + index * STEP, image) for index, image in enumerate(IMAGES)]
STAMPS = [stamp for stamp, _ in STAMPED]


@pytest.fixture
def start(start_child: Start) -> Start:
    """Return a function that starts a player in the listener's domain."""
    return partial(start_child, 'seg_node.ros.drives.bag_player')


def listen(friend: Friend, topic: str, kind: str = 'Image') -> list[Any]:
    """Subscribe as a camera's user does; messages are appended to the list."""
    from rclpy.qos import QoSProfile, ReliabilityPolicy  # noqa: PLC0415  # needs ROS
    import rosgraph_msgs.msg  # noqa: PLC0415  # needs ROS
    import sensor_msgs.msg  # noqa: PLC0415  # needs ROS

    messages: list[Any] = []
    where = rosgraph_msgs.msg if kind == 'Clock' else sensor_msgs.msg
    best_effort = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
    friend.create_subscription(getattr(where, kind), topic, messages.append, best_effort)
    return messages


def stamp_ns(message: Any) -> int:
    return int(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec)


def play(friend: Friend, child: Child) -> None:
    """Let it begin."""
    friend.until(lambda: 'ready' in child.names(), 'the player is heard')
    child.say('play')


def sent(child: Child) -> list[dict[str, Any]]:
    return [event for event in child.events if event['event'] == 'sent']


def test_a_recording_comes_byte_for_byte_with_its_own_stamps_and_at_the_rate(
    tmp_path: Path, friend: Friend, start: Start
) -> None:
    bag = write_recording(tmp_path / 'bag', {'/front/image_raw': STAMPED})
    images = listen(friend, '/live/image')

    child = start(str(bag), '--rate', '0.5', '--ros-args', '-r', '__ns:=/live')
    play(friend, child)
    friend.until(lambda: len(images) == len(IMAGES), 'all images are here')
    status, _ = child.end()

    assert status == 0
    assert child.names() == ['ready', *['sent'] * 4, 'done']
    assert [stamp_ns(one) for one in images] == STAMPS
    assert [bytes(one.data) for one in images] == [image.tobytes() for image in IMAGES]
    assert [one['stamp_ns'] for one in sent(child)] == STAMPS
    assert [one['index'] for one in sent(child)] == [0, 1, 2, 3]
    steps = [(b['sent_ns'] - a['sent_ns']) / 1e9 for a, b in pairwise(sent(child))]
    assert steps == pytest.approx([0.2] * 3, abs=0.08)


def test_compressed_images_come_as_such(tmp_path: Path, friend: Friend, start: Start) -> None:
    bag = write_recording(tmp_path / 'bag', {'/front/image_raw/compressed': STAMPED[:1]})
    images = listen(friend, '/image/compressed', 'CompressedImage')

    child = start(str(bag))
    play(friend, child)
    friend.until(lambda: images, 'the image is here')

    assert images[0].format == 'png'


def test_the_clock_shows_the_time_of_the_recording_and_jumps_back_with_each_repetition(
    tmp_path: Path, friend: Friend, start: Start
) -> None:
    bag = write_recording(tmp_path / 'bag', {'/image': STAMPED})
    images, clocks = listen(friend, '/image'), listen(friend, '/clock', 'Clock')

    child = start(str(bag), '--loops', '2')
    play(friend, child)
    friend.until(lambda: len(images) == 2 * len(IMAGES), 'all images are here')
    child.end()

    assert [one['pass'] for one in sent(child)] == [0] * 4 + [1] * 4
    assert [stamp_ns(one) for one in images] == STAMPS * 2
    times = [one.clock.sec * 10**9 + one.clock.nanosec for one in clocks]
    assert BEGIN <= min(times) <= max(times) <= STAMPS[-1] + WRITTEN_LATER_NS
    assert sum(later < earlier for earlier, later in pairwise(times)) == 1
    assert len(times) > 40


def test_paused_time_stands_still_while_the_clock_goes_on_telling_it(
    tmp_path: Path, friend: Friend, start: Start
) -> None:
    bag = write_recording(tmp_path / 'bag', {'/image': STAMPED})
    images, clocks = listen(friend, '/image'), listen(friend, '/clock', 'Clock')
    child = start(str(bag))
    play(friend, child)
    friend.until(lambda: images, 'the first image is here')

    child.say('pause')
    friend.rest(0.3)
    before, times = len(images), len(clocks)
    friend.rest(0.5)
    during = {one.clock.sec * 10**9 + one.clock.nanosec for one in clocks[times:]}
    after = len(images)
    child.say('resume')
    friend.until(lambda: len(images) == len(IMAGES), 'all images are here')

    assert after == before < len(IMAGES)
    assert len(during) == 1
    assert len(clocks[times:]) > 10


def test_recordings_are_played_one_after_the_other(
    tmp_path: Path, friend: Friend, start: Start
) -> None:
    early = write_recording(tmp_path / 'early', {'/image': STAMPED[:2]})
    late = write_recording(
        tmp_path / 'late', {'/image': [(stamp + 3600 * 10**9, one) for stamp, one in STAMPED]}
    )
    images = listen(friend, '/image')

    child = start(str(late), str(early))
    play(friend, child)
    friend.until(lambda: len(images) == 6, 'all images are here')
    child.end()

    assert [(one['bag'], one['index']) for one in sent(child)] == [
        *((0, index) for index in range(4)),
        *((1, index) for index in range(2)),
    ]


def test_a_player_goes_away_with_its_parent(tmp_path: Path, friend: Friend, start: Start) -> None:
    bag = write_recording(
        tmp_path / 'bag', {'/image': [(BEGIN, IMAGES[0]), (BEGIN + 10**12, IMAGES[1])]}
    )
    listen(friend, '/image')
    child = start(str(bag))
    play(friend, child)
    friend.until(lambda: sent(child), 'one image was sent')

    child.abandon()

    assert child.end()[0] == 1


def test_a_recording_that_cannot_be_played_is_told(tmp_path: Path, start: Start) -> None:
    bag = write_recording(tmp_path / 'bag', {'/left/image': STAMPED, '/right/image': STAMPED})

    status, text = start(str(bag)).end()

    assert status == 1
    assert '2 camera topics, expected exactly one' in text
