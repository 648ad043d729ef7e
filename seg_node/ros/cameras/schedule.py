# SPDX-License-Identifier: Apache-2.0
"""Whose frame is next: the newest one of the camera that was served longest ago. Free of ROS."""

from __future__ import annotations

from threading import Condition
from typing import Generic, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ['Schedule']

Item = TypeVar('Item')


class Schedule(Generic[Item]):
    """Hands the newest item of each of several sources from one thread to another, fairly.

    Of the sources with an unread item, the one that was served longest ago is next; a source that
    was never served goes before all others. So none starves, whatever the rates: between two turns
    of a source that has something to hand over, each other one has at most one.

    The taker sleeps on a condition: nothing polls, so that the executor's thread is not slowed.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        """Start empty and open.

        Args:
            sources: Names of those who may put; equal ones take turns in this order.
        """
        self._condition = Condition()
        self._items: dict[str, Item] = {}
        # In the order of their turns, the next one first.
        self._turns = list(sources)
        self._closed = False

    def put(self, source: str, item: Item) -> bool:
        """Store a source's newest item and wake the taker.

        Returns:
            True if an unread item of the same source was dropped for it, or if the schedule is
            closed and the item itself was dropped.
        """
        with self._condition:
            if self._closed:
                return True
            dropped = source in self._items
            self._items[source] = item
            self._condition.notify()
        return dropped

    def take(self) -> Item | None:
        """Wait for an item and return the one whose turn it is; None once closed."""
        with self._condition:
            while not self._items and not self._closed:
                self._condition.wait()
            return None if self._closed else self._next()

    def _next(self) -> Item:
        source = next(name for name in self._turns if name in self._items)
        self._turns.remove(source)
        self._turns.append(source)
        return self._items.pop(source)

    def close(self) -> None:
        """Forget all items and wake the taker for the last time."""
        with self._condition:
            self._closed = True
            self._items.clear()
            self._condition.notify_all()
