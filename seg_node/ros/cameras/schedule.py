# SPDX-License-Identifier: Apache-2.0
"""Whose frame is next: the newest one of the camera that was served longest ago. Free of ROS."""

from __future__ import annotations

from dataclasses import dataclass
import math
from threading import Condition
import time
from typing import Generic, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ['Schedule']

ALIVE_S = 1.0
"""A group does not wait for a source that has been silent for longer."""

Item = TypeVar('Item')


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item]):
    """What a source hands over.

    Attributes:
        item: The newest one.
        stamp: When it was taken, on the clock of the sources [s].
        since: Since when the source has had something unread, however often it was replaced [s].
    """

    item: Item
    stamp: float
    since: float


class Schedule(Generic[Item]):
    """Hands the newest items of several sources from one thread to another, fairly.

    Of the sources with an unread item, the one that was served longest ago is next; a source that
    was never served goes before all others. So none starves, whatever the rates: between two turns
    of a source that has something to hand over, each other one has at most one.

    With a slop, items of other sources whose stamps are that close to the next one's come with it;
    it waits for them no longer than the slop. The taker sleeps on a condition: nothing polls, so
    that the executor's thread is not slowed.
    """

    def __init__(
        self,
        sources: Iterable[str],
        slop: Callable[[], float] = float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty and open.

        Args:
            sources: Names of those who may put; equal ones take turns in this order.
            slop: Returns the largest difference of the stamps in a group [s]; 0 for no groups.
            clock: Returns the present time [s].
        """
        self._condition = Condition()
        self._slop = slop
        self._clock = clock
        self._entries: dict[str, _Entry[Item]] = {}
        # In the order of their turns, the next one first.
        self._turns = list(sources)
        self._heard = dict.fromkeys(self._turns, -math.inf)
        self._closed = False

    def put(self, source: str, item: Item, stamp: float = 0.0) -> bool:
        """Store a source's newest item and wake the taker.

        Args:
            source: Whose it is.
            item: What is handed over.
            stamp: When it was taken [s].

        Returns:
            True if an unread item of the same source was dropped for it, or if the schedule is
            closed and the item itself was dropped.
        """
        now = self._clock()
        with self._condition:
            if self._closed:
                return True
            unread = self._entries.get(source)
            since = now if unread is None else unread.since
            self._entries[source] = _Entry(item, stamp, since)
            self._heard[source] = now
            self._condition.notify()
        return unread is not None

    def take(self) -> list[Item]:
        """Wait, and return the item whose turn it is with those that come with it.

        Returns:
            At least one item, in the order of their turns; nothing once the schedule is closed.
        """
        with self._condition:
            while not self._closed:
                names = self._group()
                left = self._patience(names)
                if names and left <= 0.0:
                    return self._served(names)
                self._condition.wait(left if names else None)
            return []

    def close(self) -> list[str]:
        """Forget all items and wake the taker for the last time.

        Returns:
            The sources whose item was forgotten.
        """
        with self._condition:
            self._closed = True
            forgotten = list(self._entries)
            self._entries.clear()
            self._condition.notify_all()
        return forgotten

    def _group(self) -> list[str]:
        """Return the source whose turn it is, and those with an item that belongs to its."""
        ready = [name for name in self._turns if name in self._entries]
        if not ready:
            return []
        slop, stamp = self._slop(), self._entries[ready[0]].stamp
        others = ready[1:] if slop else []
        near = [name for name in others if abs(self._entries[name].stamp - stamp) <= slop]
        return [ready[0], *near]

    def _patience(self, names: list[str]) -> float:
        """Return how long to wait for others that may still belong to this group [s]."""
        slop = self._slop()
        if not names or not slop:
            return 0.0
        now = self._clock()
        missing = [
            name
            for name in self._turns
            if name not in self._entries and now - self._heard[name] <= ALIVE_S
        ]
        waited = now - self._entries[names[0]].since
        return slop - waited if missing else 0.0

    def _served(self, names: list[str]) -> list[Item]:
        self._turns = [*(name for name in self._turns if name not in names), *names]
        return [self._entries.pop(name).item for name in names]
