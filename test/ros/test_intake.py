# SPDX-License-Identifier: Apache-2.0
"""Messages are taken by a thread of their own, over real DDS, whatever the executor does."""

from __future__ import annotations

import os
import time
from typing import Any, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.needs_ros

TIMEOUT_S = 10.0
LONG_ENOUGH_S = 0.3
"""For a message to arrive that must not."""


class Scene:
    """A node that receives, one that sends, and nobody who spins them."""

    def __init__(self) -> None:
        """Make both."""
        import rclpy  # noqa: PLC0415

        from seg_node.ros.cameras.intake import EventsOnly  # noqa: PLC0415

        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=1 + os.getpid() % 100)
        self.node, self.other = (
            rclpy.create_node(name, context=self.context, namespace=f'/intake_{os.getpid()}')
            for name in ('ours', 'other')
        )
        self.group = EventsOnly()
        self.intakes: list[Any] = []

    def subscribe(self, topic: str, callback: Callable[[str], None]) -> Any:
        """Return a subscription that no executor serves."""
        from std_msgs.msg import String  # noqa: PLC0415

        return self.node.create_subscription(
            String, topic, lambda message: callback(message.data), 5, callback_group=self.group
        )

    def take(self, *subscriptions: Any) -> Any:
        """Return an intake that takes their messages."""
        from seg_node.ros.cameras.intake import Intake  # noqa: PLC0415

        intake = Intake(self.node, subscriptions)
        self.intakes.append(intake)
        return intake

    def sender(self, topic: str) -> Callable[[str], None]:
        """Return what sends a word to the subscription of a topic, which is there."""
        from std_msgs.msg import String  # noqa: PLC0415

        publisher = self.other.create_publisher(String, topic, 5)
        until(publisher.get_subscription_count, 'the subscription is found')
        return lambda word: publisher.publish(String(data=word))

    def close(self) -> None:
        """Take everything down."""
        for intake in self.intakes:
            intake.close()
        for node in (self.node, self.other):
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Two nodes."""
    made = Scene()
    yield made
    made.close()


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f'not seen: {what}'
        time.sleep(0.01)


def test_messages_of_all_subscriptions_come_without_an_executor(scene: Scene) -> None:
    heard: list[tuple[str, str]] = []
    topics = ('one', 'other')
    one = scene.subscribe('one', lambda word: heard.append(('one', word)))
    other = scene.subscribe('other', lambda word: heard.append(('other', word)))
    scene.take(one, other)
    send = {topic: scene.sender(topic) for topic in topics}

    expected = []
    for word in ('a', 'b', 'c'):
        for topic in topics:
            send[topic](word)
            expected.append((topic, word))
            until(lambda: len(heard) == len(expected), f'{word} on {topic}')

    assert heard == expected


def test_executor_leaves_the_messages_alone(scene: Scene) -> None:
    from rclpy.executors import SingleThreadedExecutor  # noqa: PLC0415

    heard: list[str] = []
    subscription = scene.subscribe('word', heard.append)
    executor = SingleThreadedExecutor(context=scene.context)
    executor.add_node(scene.node)
    scene.sender('word')('kept')

    end = time.monotonic() + LONG_ENOUGH_S
    while time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
    assert not heard
    scene.take(subscription)

    until(lambda: heard == ['kept'], 'the message that the executor has left')
    executor.shutdown()


def test_callback_that_fails_is_reported_and_costs_one_message(
    scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []

    def callback(word: str) -> None:
        if word == 'bad':
            msg = 'this word is bad'
            raise ValueError(msg)
        heard.append(word)

    scene.take(scene.subscribe('word', callback))
    send = scene.sender('word')
    for word in ('bad', 'good'):
        send(word)

    until(lambda: heard == ['good'], 'the message after the bad one')
    said = capfd.readouterr().err
    assert said.count('A message of') == 1
    assert '/word was lost' in said
    assert 'ValueError: this word is bad' in said


def test_nothing_comes_after_the_end_and_the_topic_can_be_left(scene: Scene) -> None:
    heard: list[str] = []
    subscription = scene.subscribe('word', heard.append)
    topic, intake = subscription.topic_name, scene.take(subscription)
    send = scene.sender('word')
    send('before')
    until(lambda: heard == ['before'], 'the message before the end')

    intake.close()
    send('after')
    time.sleep(LONG_ENOUGH_S)

    assert heard == ['before']
    assert not intake._thread.is_alive()
    assert scene.node.destroy_subscription(subscription)
    until(lambda: not scene.other.count_subscribers(topic), 'the subscription is gone')


def test_fault_of_the_thread_is_kept(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    intake = scene.take(scene.subscribe('word', lambda _: None))
    assert not intake.fault
    died: list[Any] = []
    monkeypatch.setattr('threading.excepthook', died.append)

    def wait(*_: Any) -> None:
        msg = 'the wait set is broken'
        raise RuntimeError(msg)

    intake._wait = wait

    until(lambda: intake.fault, 'the fault')
    assert intake.fault == 'An intake of images has died: RuntimeError: the wait set is broken'
    until(lambda: died, 'the trace')


def test_thread_ends_with_ros(scene: Scene) -> None:
    intake = scene.take(scene.subscribe('word', lambda _: None))

    scene.context.shutdown()

    until(lambda: not intake._thread.is_alive(), 'the end of the thread')
