# SPDX-License-Identifier: Apache-2.0
"""How often the same thing is logged. Free of ROS."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ['Throttle']


class Throttle:
    """Says whether something is due to be logged again.

    rclpy's own throttle counts for a line of code, whatever it logs, and by the clock of the
    system: once that is set back by a day, the line is silent for a day.
    """

    def __init__(self, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing logged.

        Args:
            pause: Between two times of the same subject [s].
            clock: Returns the present time [s].
        """
        self._pause = pause
        self._clock = clock
        self._last: dict[tuple[str, ...], float] = {}

    def __call__(self, *subject: str) -> bool:
        """Say whether a subject is due, and if so, count it as logged now."""
        now = self._clock()
        if now - self._last.get(subject, -self._pause) < self._pause:
            return False
        self._last[subject] = now
        return True
