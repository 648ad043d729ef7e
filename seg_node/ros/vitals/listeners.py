# SPDX-License-Identifier: Apache-2.0
"""Listening to the events of many topics at the cost of one."""

from __future__ import annotations

from contextlib import ExitStack
import time
from typing import Any, TYPE_CHECKING

from rclpy.exceptions import InvalidHandle
from rclpy.waitable import NumberOfEntities, Waitable

if TYPE_CHECKING:
    from types import TracebackType

    from rclpy.node import Node
    from rclpy.publisher import Publisher
    from rclpy.subscription import Subscription

    Endpoint = Publisher[Any] | Subscription[Any]
    Events = Waitable[list[tuple[Waitable[Any], Any]]]
else:
    Events = Waitable  # not generic before Kilted

__all__ = ['Listeners']

PERIOD_S = 0.5


class Listeners(Events):
    """Takes the place of the event handlers of topics in the executor, and asks them now and then.

    rclpy's executor asks each handler of each topic whenever it wakes, and while they are in its
    wait set, it wakes several times for each image that comes in or goes out. What they wait for,
    a quality of service that does not fit, stays until it is taken and is no matter of
    milliseconds. So they are in the wait set for one wake-up in half a second; the timer of the
    ``Lookout`` sees to it that there is one.
    """

    def __init__(self, node: Node) -> None:
        """Join a node; there is nothing to listen to yet."""
        super().__init__(node.default_callback_group)
        self._node = node
        self._handlers: list[Waitable[Any]] = []
        self._asked: list[Waitable[Any]] = []  # in the wait set of this wake-up
        self._ready: list[Waitable[Any]] = []
        self._in_use = ExitStack()
        self._due = 0.0
        node.add_waitable(self)

    def adopt(self, endpoint: Endpoint) -> None:
        """Listen to what a new publisher or subscription has handlers for."""
        for handler in endpoint.event_handlers:
            self._node.remove_waitable(handler)
            self._handlers.append(handler)

    def release(self, endpoint: Endpoint) -> None:
        """Give handlers back that were adopted; rclpy cannot destroy the endpoint without them."""
        self._give_back([one for one in endpoint.event_handlers if one in self._handlers])

    def release_all(self) -> None:
        """Give all handlers back, for the end of the node."""
        self._give_back(list(self._handlers))

    def _give_back(self, handlers: list[Waitable[Any]]) -> None:
        for handler in handlers:
            self._handlers.remove(handler)
            self._node.add_waitable(handler)

    # What the executor calls, in this order.

    def __enter__(self) -> None:
        """Decide whether to ask this time, and keep who is asked from being destroyed."""
        self._asked = []
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + PERIOD_S
        for handler in list(self._handlers):
            try:
                self._in_use.enter_context(handler)
            except InvalidHandle:  # destroyed by another thread at this moment
                continue
            self._asked.append(handler)

    def get_num_entities(self) -> NumberOfEntities:
        """Return what those take that are asked."""
        number = NumberOfEntities()
        for handler in self._asked:
            number += handler.get_num_entities()
        return number

    def add_to_wait_set(self, wait_set: Any) -> None:
        """Ask them."""
        for handler in self._asked:
            handler.add_to_wait_set(wait_set)

    def is_ready(self, wait_set: Any) -> bool:
        """Say whether one has something to tell."""
        self._ready = [handler for handler in self._asked if handler.is_ready(wait_set)]
        return bool(self._ready)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let them be destroyed again."""
        self._in_use.close()

    def take_data(self) -> list[tuple[Waitable[Any], Any]]:
        """Take what they have to tell."""
        ready, self._ready = self._ready, []
        return [(handler, handler.take_data()) for handler in ready]

    async def execute(self, taken_data: list[tuple[Waitable[Any], Any]]) -> None:
        """Pass it on."""
        for handler, data in taken_data:
            await handler.execute(data)
