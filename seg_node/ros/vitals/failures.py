# SPDX-License-Identifier: Apache-2.0
"""Has the engine failed for good? Free of ROS."""

from __future__ import annotations

import time

__all__ = ['FEWEST', 'FailureRow']

FEWEST = 10
"""So many failures in a row are no accident."""


class FailureRow:
    """Measures how long frames have failed without a single mask in between.

    The time after the last failure does not count: without frames nothing fails.
    """

    def __init__(self) -> None:
        """Start without a failure."""
        self._failures = self._masks = 0
        self._first = self._newest = 0.0

    def look(self, failures: int, masks: int) -> float:
        """Return the time from the first failure to the newest [s]; 0 after only a few of them.

        Args:
            failures: Frames that the engine failed on since the last mask.
            masks: Frames that became masks since the start.
        """
        if masks != self._masks or failures < self._failures:
            self._failures = 0
        if failures > self._failures:
            self._newest = time.monotonic()
            self._first = self._first if self._failures else self._newest
        self._failures, self._masks = failures, masks
        return 0.0 if failures < FEWEST else self._newest - self._first
