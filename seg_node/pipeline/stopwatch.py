# SPDX-License-Identifier: Apache-2.0
"""Named stages of a frame and how long each took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['Stopwatch']


class Stopwatch:
    """Measures consecutive stages on the monotonic clock.

    Example:
        >>> watch = Stopwatch()
        >>> watch.lap('fit')
        >>> sorted(watch.times())
        ['fit', 'total']
    """

    def __init__(self, start: float | None = None) -> None:
        """Start the first stage.

        Args:
            start: When it has begun [s], as ``time.monotonic``; now unless given.
        """
        self._start = self._last = time.monotonic() if start is None else start
        self._laps: dict[str, float] = {}

    @property
    def start(self) -> float:
        """When the watch was made [s], as ``time.monotonic``."""
        return self._start

    def lap(self, stage: str) -> None:
        """End a stage and start the next one; a name used twice adds up."""
        now = time.monotonic()
        self._laps[stage] = self._laps.get(stage, 0.0) + now - self._last
        self._last = now

    def include(self, times: Mapping[str, float]) -> None:
        """Take in what somebody else measured since the last lap; the next stage starts now.

        Time between those stages belongs to none, but to the total.
        """
        for stage, seconds in times.items():
            self._laps[stage] = self._laps.get(stage, 0.0) + seconds
        self._last = time.monotonic()

    def times(self) -> dict[str, float]:
        """Return seconds per stage, and ``'total'`` up to the end of the last one."""
        return {**self._laps, 'total': self._last - self._start}
