# SPDX-License-Identifier: Apache-2.0
"""Has the engine failed for good? Free of ROS."""

from __future__ import annotations

import time

__all__ = ['FEWEST', 'FailureRow']

FEWEST = 10
"""So many failures in a row are no accident."""


class FailureRow:
    """Measures how long frames have failed without a single mask in between."""

    def __init__(self) -> None:
        """Start without a failure."""
        self._masks = 0
        self._begun: float | None = None

    def look(self, failures: int, masks: int) -> float:
        """Return for how long everything has failed [s]; 0 while it has not, or only a few times.

        Args:
            failures: Frames that the engine failed on since the last mask.
            masks: Frames that became masks since the start.
        """
        now = time.monotonic()
        if not failures or masks != self._masks:
            self._begun = None
        self._masks = masks
        if failures and self._begun is None:
            self._begun = now
        return 0.0 if self._begun is None or failures < FEWEST else now - self._begun
