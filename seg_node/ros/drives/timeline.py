# SPDX-License-Identifier: Apache-2.0
"""When a recorded message is due: the recording's time against the wall's. Free of ROS."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ['Timeline']

NANO = 1e9


class Timeline:
    """Time of a recording that runs at a rate, stands still while paused, and can jump."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start at 0, running.

        Args:
            rate: Seconds of the recording in a second.
            clock: Returns the present time [s].
        """
        self._rate = rate
        self._clock = clock
        self._began_ns = 0
        self._began = clock()
        self._paused: float | None = None

    def jump(self, log_ns: int) -> None:
        """Go on from a time of the recording [ns], forwards or backwards."""
        self._began_ns = log_ns
        self._began = self._now()

    def pause(self) -> None:
        """Stand still; a second pause changes nothing."""
        if self._paused is None:
            self._paused = self._clock()

    def resume(self) -> None:
        """Go on from where it stood still."""
        if self._paused is not None:
            self._began += self._clock() - self._paused
            self._paused = None

    @property
    def log_ns(self) -> int:
        """Present time of the recording [ns]."""
        return self._began_ns + round((self._now() - self._began) * self._rate * NANO)

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._paused is not None

    def until(self, log_ns: int) -> float:
        """Return how long it takes to a time of the recording [s]; negative if it is over.

        Args:
            log_ns: A time of the recording [ns].
        """
        return self._began + (log_ns - self._began_ns) / NANO / self._rate - self._now()

    def _now(self) -> float:
        return self._clock() if self._paused is None else self._paused
