# SPDX-License-Identifier: Apache-2.0
"""Many listeners to events that cost the executor one look, and still hear everything."""

from __future__ import annotations

from functools import partial
import os
import time
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.needs_ros

TOPIC = 'listened'
TIMEOUT_S = 10.0


class Scene:
    """A node with listeners, another node, and who spins both."""

    def __init__(self) -> None:
        """Make both."""
        import rclpy  # noqa: PLC0415
        from rclpy.executors import SingleThreadedExecutor  # noqa: PLC0415

        from seg_node.ros.vitals.listeners import Listeners  # noqa: PLC0415

        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=1 + os.getpid() % 100)
        self.node, self.other = (
            rclpy.create_node(name, context=self.context, namespace=f'/listeners_{os.getpid()}')
            for name in ('ours', 'other')
        )
        self.executor = SingleThreadedExecutor(context=self.context)
        for node in (self.node, self.other):
            self.executor.add_node(node)
        self.listeners = Listeners(self.node)
        self.adopted: list[Any] = []

    def publisher(self, heard: Callable[[Any], None] = print) -> Any:
        """Return a best-effort publisher whose events the listeners wait for."""
        from rclpy.qos import QoSProfile, ReliabilityPolicy  # noqa: PLC0415
        from std_msgs.msg import String  # noqa: PLC0415

        from seg_node.ros.vitals.events import PublisherEventCallbacks  # noqa: PLC0415

        callbacks = PublisherEventCallbacks(incompatible_qos=heard, use_default_callbacks=False)
        quality = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        made = self.node.create_publisher(String, TOPIC, quality, event_callbacks=callbacks)
        self.listeners.adopt(made)
        self.adopted.append(made)
        return made

    def subscribe(self) -> None:
        """Ask for more than the publishers offer."""
        from std_msgs.msg import String  # noqa: PLC0415

        from seg_node.ros.vitals.events import SubscriptionEventCallbacks  # noqa: PLC0415

        silent = SubscriptionEventCallbacks(use_default_callbacks=False)
        self.other.create_subscription(String, TOPIC, print, 1, event_callbacks=silent)

    def release(self, publisher: Any) -> None:
        """Give a publisher's handlers back."""
        self.adopted.remove(publisher)
        self.listeners.release(publisher)

    def spin(self) -> int:
        """Let the executor wake once and return how many handlers it has asked."""
        self.executor.spin_once(timeout_sec=0.0)
        return int(self.listeners.get_num_entities().num_events)

    def close(self) -> None:
        """Take everything down."""
        for publisher in list(self.adopted):
            self.release(publisher)
        for node in (self.node, self.other):
            node.destroy_node()
        self.executor.shutdown()
        self.context.try_shutdown()


@pytest.fixture
def listening() -> Iterator[Scene]:
    """Two nodes, one of them with listeners."""
    scene = Scene()
    yield scene
    scene.close()


def test_event_is_heard_though_its_handler_is_not_the_nodes(listening: Scene) -> None:
    heard: list[Any] = []
    (handler,) = listening.publisher(heard.append).event_handlers
    assert handler not in list(listening.node.waitables)

    for count in (1, 2):
        listening.subscribe()
        deadline = time.monotonic() + TIMEOUT_S
        while len(heard) < count:
            assert time.monotonic() < deadline
            listening.executor.spin_once(timeout_sec=0.05)
        assert heard[-1].total_count == count


def test_handlers_are_asked_once_in_a_while_and_not_whenever_the_executor_wakes(
    listening: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        listening.publisher()
    clock = SimpleNamespace()
    monkeypatch.setattr('seg_node.ros.vitals.listeners.time', clock)
    asked = []
    for seconds in (100.0, 100.1, 100.4, 100.6, 100.7, 101.2):
        clock.monotonic = partial(float, seconds)
        asked.append(listening.spin())

    assert asked == [3, 0, 0, 3, 0, 3]


def test_endpoint_that_is_released_can_be_destroyed(listening: Scene) -> None:
    gone, kept = listening.publisher(), listening.publisher()
    listening.spin()

    listening.release(gone)
    assert listening.node.destroy_publisher(gone)
    listening.spin()

    (handler,) = kept.event_handlers
    assert handler not in list(listening.node.waitables)
    listening.release(kept)
    assert handler in list(listening.node.waitables)


def test_handler_that_is_destroyed_meanwhile_is_left_out(listening: Scene) -> None:
    gone, _ = listening.publisher(), listening.publisher()
    gone.event_handlers[0].destroy()

    with listening.listeners:
        assert listening.listeners.get_num_entities().num_events == 1
