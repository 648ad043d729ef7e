# SPDX-License-Identifier: Apache-2.0
"""The camera of the demo, as a process of its own, heard over real DDS."""

from __future__ import annotations

from functools import partial
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ros.child import Child, Friend

    Start = Callable[..., Child]

pytestmark = pytest.mark.needs_ros

SIZES = ((30, 40), (30, 40), (50, 20))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three pictures, one of another size, whose names do not sort like their numbers."""
    for index, size in enumerate(SIZES):
        np.save(tmp_path / f'picture_{index:03d}.npy', scene(size, index)[0])
    return tmp_path


@pytest.fixture
def play(start_child: Start) -> Start:
    """Return a function that starts a player in the listener's domain."""
    return partial(start_child, 'seg_node.ros.drives.player')


def listen(friend: Friend, topic: str) -> list[Any]:
    """Subscribe as a camera's user does; messages are appended to the list."""
    from rclpy.qos import QoSProfile, ReliabilityPolicy  # noqa: PLC0415  # needs ROS
    from sensor_msgs.msg import CameraInfo, Image  # noqa: PLC0415  # needs ROS

    messages: list[Any] = []
    kind = Image if topic.endswith('image') else CameraInfo
    best_effort = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
    friend.create_subscription(kind, topic, messages.append, best_effort)
    return messages


def stamp_ns(message: Any) -> int:
    return int(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec)


def test_player_publishes_each_image_once_at_its_rate_with_the_stamp_it_tells(
    images: Path, friend: Friend, play: Start
) -> None:
    received, infos = listen(friend, '/front/image'), listen(friend, '/front/camera_info')

    child = play(
        *('--frames', str(images), '--rate', '10', '--frame-id', 'left_eye'),
        *('--ros-args', '-r', '__ns:=/front'),
    )
    friend.until(lambda: len(received) == len(infos) == len(SIZES), 'all images are here')
    status, _ = child.end()

    sent = [event for event in child.events if event['event'] == 'sent']
    assert status == 0
    assert child.names() == ['ready', 'sent', 'sent', 'sent', 'done']
    assert [event['name'] for event in sent] == [f'picture_{i:03d}' for i in range(3)]
    told = [event['stamp_ns'] for event in sent]
    assert told == [stamp_ns(m) for m in received] == [stamp_ns(m) for m in infos]
    assert np.diff(told) / 1e9 == pytest.approx(0.1, abs=0.06)
    for index, (message, info) in enumerate(zip(received, infos, strict=True)):
        height, width = SIZES[index]
        assert (message.encoding, message.step) == ('rgb8', 3 * width)
        assert message.header.frame_id == info.header.frame_id == 'left_eye'
        assert (message.height, message.width) == (info.height, info.width) == (height, width)
        assert bytes(message.data) == scene(SIZES[index], index)[0].tobytes()


def test_player_does_what_its_parent_says(images: Path, friend: Friend, play: Start) -> None:
    received = listen(friend, '/image')
    child = play('--frames', str(images), '--wait')
    friend.until(lambda: 'ready' in child.names(), 'the camera is heard')
    friend.rest(0.3)
    unasked = len(received)

    child.say('once')
    friend.until(lambda: 'rehearsed' in child.names() and received, 'one image is here')
    child.say('play 50')
    friend.until(lambda: len(received) == 1 + len(SIZES), 'all images are here')
    status, _ = child.end()

    assert unasked == 0
    assert status == 0
    assert child.names() == ['ready', 'rehearsed', 'sent', 'sent', 'sent', 'done']
    told = [event['stamp_ns'] for event in child.events if 'stamp_ns' in event]
    assert told == [stamp_ns(message) for message in received]
    assert bytes(received[0].data) == bytes(received[1].data)


def test_player_goes_away_with_its_parent(images: Path, friend: Friend, play: Start) -> None:
    listen(friend, '/image')
    child = play('--frames', str(images), '--wait')
    friend.until(lambda: 'ready' in child.names(), 'the camera is heard')

    child.abandon()
    status, _ = child.end()

    assert status == 1
    assert 'sent' not in child.names()


def test_player_says_so_when_nobody_listens(images: Path, play: Start) -> None:
    child = play('--frames', str(images), '--timeout', '0.2', '--ros-args', '-r', 'image:=/eye')

    status, text = child.end()

    assert status == 1
    assert "nobody subscribed to '/eye' within 0.2 s" in text
    assert 'ROS_DOMAIN_ID' in text


def test_player_refuses_a_folder_without_images(tmp_path: Path) -> None:
    from seg_node.ros.drives.player import main  # noqa: PLC0415  # needs ROS

    with pytest.raises(SystemExit, match=f'no .*npy images in {str(tmp_path)!r}'):
        main(['--frames', str(tmp_path)])
