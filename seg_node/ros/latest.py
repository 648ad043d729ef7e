# SPDX-License-Identifier: Apache-2.0
"""A slot that keeps the newest thing put into it."""

from __future__ import annotations

from threading import Condition
from typing import Generic, TypeVar

__all__ = ['Latest']

Item = TypeVar('Item')


class Latest(Generic[Item]):
    """Hands the newest item from one thread to another; an unread older one is dropped.

    The taker sleeps on a condition: nothing polls, so that the executor's thread is not slowed.
    """

    def __init__(self) -> None:
        """Start empty and open."""
        self._condition = Condition()
        self._item: Item | None = None
        self._closed = False

    def put(self, item: Item) -> bool:
        """Store the item and wake the taker.

        Returns:
            True if an unread item was dropped for it, or if the slot is closed and the item itself
            was dropped.
        """
        with self._condition:
            if self._closed:
                return True
            dropped = self._item is not None
            self._item = item
            self._condition.notify()
        return dropped

    def take(self) -> Item | None:
        """Wait for an item and return it; None once the slot is closed."""
        with self._condition:
            while self._item is None and not self._closed:
                self._condition.wait()
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Forget the item and wake the taker for the last time."""
        with self._condition:
            self._closed = True
            self._item = None
            self._condition.notify_all()
