# SPDX-License-Identifier: Apache-2.0
"""One warning for each silence of a camera. Free of ROS."""

from __future__ import annotations

from typing import Literal

__all__ = ['PATIENCE_S', 'QuietAlarm']

PATIENCE_S = 5.0
"""A camera that has sent nothing for so long is worth a warning."""


class QuietAlarm:
    """Goes off once for each silence, and says when it is over."""

    def __init__(self) -> None:
        """Start with a camera that is not silent."""
        self._is_on = False

    def look(self, quiet: float | None) -> Literal['', 'silent', 'back']:
        """Return what has happened since the last look: mostly nothing.

        Args:
            quiet: For how long nothing came [s]; None if nothing is expected, for example because
                the node is inactive.
        """
        was_on, self._is_on = self._is_on, quiet is not None and quiet >= PATIENCE_S
        if self._is_on:
            return '' if was_on else 'silent'
        return 'back' if was_on and quiet is not None else ''
