# SPDX-License-Identifier: Apache-2.0
"""Cameras and consumers of a benchmark, answered over real DDS by a node that we know."""

from __future__ import annotations

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
TRAFFIC = 'seg_node.ros.drives.traffic'
PICTURES = 3


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    for index in range(PICTURES):
        np.save(tmp_path / f'{index}.npy', scene((30, 40), index)[0])
    return tmp_path


class Answerer:
    """Answers each frame of a camera on two topics, but for those it is to lose."""

    def __init__(self, friend: Friend, camera: str, lose: Callable[[int], bool]) -> None:
        """Create the topics."""
        from rclpy.qos import QoSProfile, ReliabilityPolicy  # noqa: PLC0415  # needs ROS
        from sensor_msgs.msg import Image  # noqa: PLC0415  # needs ROS

        self.received: list[Any] = []
        self.lose = lose
        self.outputs = [
            friend.create_publisher(Image, f'/bench/{camera}/{name}', 5) for name in ('mask', 'b')
        ]
        best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        friend.create_subscription(Image, f'/bench/{camera}/image', self.answer, best_effort)

    def answer(self, message: Any) -> None:
        """Send what came back, on one topic alone if the frame is to be lost."""
        self.received.append(message)
        lost = self.lose(len(self.received) - 1)
        for publisher in self.outputs[: 1 if lost else 2]:
            publisher.publish(message)


def played(friend: Friend, child: Child, words: str) -> dict[str, Any]:
    before = len(child.events)
    child.say(words)
    friend.until(lambda: len(child.events) > before, words)
    assert child.names()[-1] == 'played'
    return child.events[-1]


def test_traffic_counts_a_frame_as_answered_when_all_of_its_outputs_have_come(
    frames: Path, friend: Friend, start_child: Start
) -> None:
    front = Answerer(friend, 'front', lambda _: False)
    rear = Answerer(friend, 'rear', lambda index: index % 2 == 1)
    child = start_child(
        TRAFFIC,
        *('--frames', str(frames), '--outputs', 'mask', 'b', '--cameras', 'front', 'rear'),
        *('--ros-args', '-r', '__ns:=/bench'),
    )
    friend.until(lambda: child.names() == ['ready'], 'the processes know each other')

    run = played(friend, child, 'play 20 0.5')
    child.abandon()
    status, _ = child.end()

    assert status == 0
    assert (run['sent'], len(front.received), len(rear.received)) == (20, 10, 10)
    assert run['answered'] == len(run['latencies_s']) == 15
    assert 0.45 < run['span_s'] < 1.0
    assert all(0.0 < one < 0.5 for one in run['latencies_s'])
    assert run['cpu_s'] > 0.0
    pictures = [np.load(file) for file in sorted(frames.iterdir())]
    for index, message in enumerate(front.received):
        got = np.frombuffer(message.data, np.uint8)
        np.testing.assert_array_equal(got, pictures[index % PICTURES].reshape(-1))


def test_traffic_sends_the_next_frame_when_the_last_was_answered(
    frames: Path, friend: Friend, start_child: Start
) -> None:
    only = Answerer(friend, 'front', lambda _: False)
    child = start_child(
        TRAFFIC,
        *('--frames', str(frames), '--outputs', 'mask', 'b', '--cameras', 'front'),
        *('--ros-args', '-r', '__ns:=/bench'),
    )
    friend.until(lambda: child.names() == ['ready'], 'the processes know each other')

    run = played(friend, child, 'each 4')

    assert run['sent'] == run['answered'] == len(only.received) == 4
    assert run['span_s'] >= sum(run['latencies_s'])


def test_traffic_without_pictures_says_so(
    tmp_path: Path, friend: Friend, start_child: Start
) -> None:
    del friend
    child = start_child(TRAFFIC, '--frames', str(tmp_path), '--outputs', 'mask')

    status, said = child.end()

    assert status == 1
    assert 'no *.npy images' in said


def test_traffic_tells_what_the_node_says_it_runs_on(
    frames: Path, friend: Friend, start_child: Start
) -> None:
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue  # noqa: PLC0415

    Answerer(friend, 'front', lambda _: False)
    publisher = friend.create_publisher(DiagnosticArray, '/diagnostics', 1)
    words = {'engine': 'a', 'device': 'b', 'precision': 'c', 'reason': 'd'}
    values = [KeyValue(key=key, value=value) for key, value in words.items()]
    message = DiagnosticArray(status=[DiagnosticStatus(), DiagnosticStatus(values=values)])
    child = start_child(
        TRAFFIC,
        *('--frames', str(frames), '--outputs', 'mask', 'b', '--cameras', 'front'),
        *('--ros-args', '-r', '__ns:=/bench'),
    )
    friend.until(lambda: child.names() == ['ready'], 'the processes know each other')

    def told() -> bool:
        publisher.publish(message)
        return child.names()[-1] == 'engine'

    child.say('engine')
    friend.until(told, 'the child heard the diagnostics')

    assert child.events[-1] == {'event': 'engine', 'engine': 'a', 'device': 'b', 'precision': 'c'}
