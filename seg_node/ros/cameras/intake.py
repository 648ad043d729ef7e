# SPDX-License-Identifier: Apache-2.0
"""What a camera sends is taken by a thread of its own: no executor wakes for it."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Thread
import traceback
from typing import Any, cast, TYPE_CHECKING

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.subscription import Subscription

from seg_node.ros.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.node import Node

__all__ = ['EventsOnly', 'Intake']

LOOK_UP_NS = 500_000_000
"""The end of ROS is noticed after so long, unless ``close`` comes first [ns]."""
CLOSE_TIMEOUT_S = 1.0
LOG_PAUSE_S = 5.0
"""The same trouble with the same topic is logged once in so long."""


class EventsOnly(MutuallyExclusiveCallbackGroup):
    """The callback group of subscriptions whose events executors serve, but no messages."""

    def can_execute(self, entity: Any) -> bool:
        """Say no to a subscription."""
        return not isinstance(entity, Subscription) and super().can_execute(entity)


class Intake:
    """Takes the messages of some subscriptions and calls their callbacks, in a thread.

    rclpy's executor gathers all services, timers and topics of its nodes anew whenever it wakes,
    and it wakes twice for each message. Here there is nothing to gather but the subscriptions,
    and whoever calls a service of the node does not hold images up.

    Attributes:
        fault: Why the thread has died; empty if it has not.
    """

    def __init__(self, node: Node, subscriptions: Sequence[Subscription[Any]]) -> None:
        """Start the thread.

        Args:
            node: Whose subscriptions they are.
            subscriptions: In the group ``EventsOnly``; to be destroyed after ``close``.
        """
        self.fault = ''
        self._node = node
        self._subscriptions = tuple(subscriptions)
        self._wake = GuardCondition(None, None, context=node.context)
        self._is_closed = False
        self._is_due = Throttle(LOG_PAUSE_S)
        # Daemon: rclpy may be shut down, and the process end, without anybody calling close.
        self._thread = Thread(target=self._run, name='seg_node intake', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more, and end the thread; not from a callback. Twice does no harm."""
        if self._is_closed:
            return
        self._is_closed = True
        self._wake.trigger()
        self._thread.join(CLOSE_TIMEOUT_S)
        self._wake.destroy()

    def _run(self) -> None:
        context, wake = self._node.context, self._wake.handle
        ros = cast('Any', context.handle)  # None before rclpy.init, when there is no node
        with ExitStack() as in_use:  # nobody may destroy them meanwhile
            for handle in (ros, wake, *(one.handle for one in self._subscriptions)):
                in_use.enter_context(handle)
            number = len(self._subscriptions)
            wait_set = rclpy_implementation.WaitSet(number, 1, 0, 0, 0, 0, ros)
            try:
                while not self._is_closed and context.ok():
                    self._wait(wait_set, wake)
            except BaseException as err:
                if context.ok():  # else ROS ended between two looks
                    self.fault = f'An intake of images has died: {type(err).__name__}: {err}'
                    raise

    def _wait(self, wait_set: Any, wake: Any) -> None:
        """Wait until something comes, and take it."""
        wait_set.clear_entities()
        for subscription in self._subscriptions:
            wait_set.add_subscription(subscription.handle)
        wait_set.add_guard_condition(wake)
        wait_set.wait(LOOK_UP_NS)
        ready = wait_set.get_ready_entities('subscription')
        for subscription in self._subscriptions:
            if subscription.handle.pointer in ready and not self._is_closed:
                self._take(subscription)

    def _take(self, subscription: Subscription[Any]) -> None:
        """Pass a message on; a failure is logged and costs no other message."""
        try:
            taken = subscription.handle.take_message(subscription.msg_type, False)  # noqa: FBT003
            if taken is not None:
                cast('Callable[[Any], None]', subscription.callback)(taken[0])
        except Exception:  # noqa: BLE001  # rclpy's errors have no common base class
            topic = subscription.topic_name
            if self._node.context.ok() and self._is_due(topic):
                self._node.get_logger().error(
                    f'A message of {topic} was lost, because it could not be taken: '
                    f'{traceback.format_exc()}'
                )
